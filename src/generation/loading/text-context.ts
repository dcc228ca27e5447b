/** What a model's texts are as tokens: its tokenizer, its chat formats and the length of its context. Does not need weights. */
import type { ModelConfig } from "../../model/config/config.js";
import { type EncodeThread, LONG_TEXT } from "../../tokenizer/loading/encode-thread.js";
import type { EncodeOptions, Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatChoice, ChatFormat, ChatName } from "../chat/chat-format.js";
import { chosenFormat, dialogFormat, guessFormat } from "../chat/choose-format.js";
import type { FolderKind } from "../chat/folder-kind.js";
import { Forms } from "../form/forms.js";
import { tooLong } from "../scheduling/prompt-check.js";
import { LongTexts } from "./long-texts.js";

/** Formats of dialogs that are kept: more than one program uses. */
const MAX_FORMATS = 16;

export class TextContext {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly maxSeqLen: number;
  readonly forms: Forms;
  /** For dialogs, whose formats encode as they go. */
  readonly longTexts: LongTexts;
  readonly #encoder: EncodeThread;
  readonly #kind: FolderKind;
  /** Formats of dialogs, by what was asked for: a template is read once. */
  readonly #formats = new Map<string, ChatFormat>();

  constructor(
    tokenizer: Tokenizer,
    config: ModelConfig,
    maxSeqLen: number,
    encoder: EncodeThread,
    kind: FolderKind = null,
  ) {
    this.#encoder = encoder;
    this.longTexts = new LongTexts(tokenizer, encoder);
    this.#kind = kind;
    this.tokenizer = tokenizer;
    this.config = config;
    this.maxSeqLen = maxSeqLen;
    this.forms = new Forms(tokenizer, config.vocabSize);
  }

  /**
   * Ids of a prompt: a text gets a beginning-of-sentence token, ids are taken as they are. A long text is encoded in a thread.
   * Throws LlamaError (usage) for a text that cannot fit into the context, before it is encoded, and names it by
   * its place `index` in the call. `special`: names of special tokens in the text become those tokens.
   */
  promptIds(prompt: string | readonly number[], index = 0, special = false): number[] | Promise<number[]> {
    if (typeof prompt !== "string") return [...prompt];
    const { bosId, addsBos, maxTokenBytes, specialTokens } = this.tokenizer;
    const names = special ? [...specialTokens.keys()] : [];
    const longest = names.reduce((most, name) => Math.max(most, Buffer.byteLength(name)), maxTokenBytes);
    const least = Math.ceil(Buffer.byteLength(prompt) / longest);
    if (least > this.maxSeqLen) throw tooLong(index, `at least ${least}`, this.maxSeqLen);
    if (prompt.length < LONG_TEXT) return this.tokenizer.encode(prompt, { bos: true, special });
    return this.#encoder.encode(prompt, special).then((ids) => (addsBos && bosId !== null ? [bosId, ...ids] : ids));
  }

  /** Ids of any text, a long one encoded in a thread. */
  encodeText(text: string, options: EncodeOptions = {}): number[] | Promise<number[]> {
    return this.longTexts.run(() => this.longTexts.tokenizer.encode(text, options));
  }

  /** The format of dialogs. Without a choice it is the model's chat template, or that of Meta's code for this tokenizer. */
  dialogFormat(choice: ChatChoice = "auto"): ChatFormat {
    const key = typeof choice === "object" ? `given ${choice.template}` : choice;
    let format = this.#formats.get(key);
    if (format === undefined) {
      format = chosenFormat(choice, dialogFormat(this.tokenizer), this.longTexts.tokenizer, this.config);
      if (this.#formats.size > MAX_FORMATS) this.#formats.clear();
      this.#formats.set(key, format);
    }
    return format;
  }

  /** A format of its own for a conversation. Without a choice it depends on the model's folder too. */
  conversationFormat(choice: ChatChoice = "auto"): ChatFormat {
    return chosenFormat(choice, this.guessedFormat, this.tokenizer, this.config);
  }

  /** The format of a conversation if nobody chooses one. */
  get guessedFormat(): ChatName {
    return guessFormat(this.tokenizer, this.#kind);
  }
}
