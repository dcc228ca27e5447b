/** The interface of a tokenizer (text to token ids and back), and how one is made from its parts. Does not know kinds of vocabularies or prompt formats. */
import { LlamaError } from "../error.js";
import type { Detokenizer } from "./decoding/detokenizer.js";

export interface EncodeOptions {
  /** Puts the begin-of-sequence id first, if the tokenizer adds one. */
  bos?: boolean;
  /** Puts the end-of-sequence id last. Throws a LlamaError if the model has no such token. */
  eos?: boolean;
  /** Names of special tokens in the text become those tokens. Default: they are text. */
  special?: boolean;
}

/** The size of a vocabulary and the ids with a special meaning. */
export interface Vocabulary {
  /** The kind of its file: SentencePiece's (LLaMA 1, Llama 2), tiktoken's (Llama 3 and later), Hugging Face's, or one of GGUF with weights. */
  readonly kind: "sentencepiece" | "tiktoken" | "tokenizer.json" | "gguf";
  /** What tokens are: pieces of text with marks for spaces (SentencePiece's vocabularies), or bytes (tiktoken's). */
  readonly units: "pieces" | "bytes";
  readonly vocabSize: number;
  /** Largest number of bytes of a text that become one token; Infinity where texts may shrink. */
  readonly maxTokenBytes: number;
  /** The token for the beginning of a text; null if the model has none. */
  readonly bosId: number | null;
  /** Whether a text begins with `bosId`; always so in Meta's models. */
  readonly addsBos: boolean;
  /** The token for the end of a text; null if the model has none. */
  readonly eosId: number | null;
  /** -1 if the vocabulary has no padding token. */
  readonly padId: number;
  /** The ids that end a generation. */
  readonly stopIds: ReadonlySet<number>;
  /** Ids of the tokens that do not represent text, by name, e.g. "<|eot_id|>"; SentencePiece has "<s>" and "</s>". */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Ids of added tokens that are ordinary text and are recognised in every text, by name; missing if there are no such tokens. */
  readonly textTokens?: ReadonlyMap<string, number>;
  /** The names by which a chat template knows tokens (bos_token and so on). */
  readonly tokenNames: TokenNames;
  /** The Jinja source that came with the tokenizer. */
  readonly chatTemplate: string | null;
  /** That of dialogs with tools, where it is another one. */
  readonly toolTemplate?: string | null;
}

export type TokenNames = Readonly<Record<"bos" | "eos" | "unk" | "pad", string | null>>;

export interface Tokenizer extends Vocabulary {
  /** Recognises special tokens in the text only if asked: "<s>" is three characters. Throws a LlamaError for a text that is too long for its library. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Throws a LlamaError for an id outside the vocabulary. */
  decode(ids: readonly number[]): string;
  /** Makes a streaming detokeniser. */
  detokenizer(): Detokenizer;
}

/** A tokenizer's file that was read and checked; `load`, which takes longer, makes the encoder. */
export interface TokenizerSource {
  readonly vocabulary: Vocabulary;
  load(): Promise<Tokenizer>;
}

/** Ids of a text that follows another: SentencePiece puts a space before every text it encodes, but not after a newline. */
export function encodeAfter(tokenizer: Tokenizer, text: string): number[] {
  const newline = tokenizer.encode("\n");
  const ids = tokenizer.encode(`\n${text}`);
  return newline.every((id, i) => ids[i] === id) ? ids.slice(newline.length) : tokenizer.encode(text);
}

/** The id before a text that has no context, as in lm-evaluation-harness: BOS even if the tokenizer does not add it, otherwise EOS. Throws a LlamaError if the model has neither. */
export function prefixId({ bosId, eosId }: Vocabulary): number {
  return bosId ?? eosId ?? missing("beginning or end");
}

/** The id for the beginning of a text. Throws a LlamaError if the model has none. */
export function requireBos({ bosId }: Vocabulary): number {
  return bosId ?? missing("beginning");
}

/** The id for the end of a text. Throws a LlamaError if the model has none. */
export function requireEos({ eosId }: Vocabulary): number {
  return eosId ?? missing("end");
}

function missing(place: string): never {
  throw new LlamaError("usage", `the tokenizer has no token for the ${place} of a text`);
}

/** Makes a tokenizer from a vocabulary, a function that encodes plain text, and a detokeniser. */
export function createTokenizer(
  vocabulary: Vocabulary,
  encodeText: (text: string, special: boolean) => number[],
  detokenizer: () => Detokenizer,
): Tokenizer {
  const { bosId, addsBos } = vocabulary;
  return {
    ...vocabulary,
    encode(text, { bos = false, eos = false, special = false } = {}) {
      const ids = encodeText(text, special);
      if (bos && addsBos && bosId !== null) ids.unshift(bosId);
      if (eos) ids.push(requireEos(vocabulary));
      return ids;
    },
    decode(ids) {
      const stream = detokenizer();
      return ids.map((id) => stream.push(id)).join("") + stream.flush();
    },
    detokenizer,
  };
}
