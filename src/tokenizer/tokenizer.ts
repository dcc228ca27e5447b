/** Text to token ids and back: what any tokenizer offers, and how it is put together. Knows no kind of vocabulary and no prompt format. */
import type { Detokenizer } from "./decoding/detokenizer.js";

export interface EncodeOptions {
  /** Puts the begin-of-sequence id first. */
  bos?: boolean;
  /** Puts the end-of-sequence id last. */
  eos?: boolean;
}

/** The ids that have a meaning of their own. */
export interface Vocabulary {
  /** Of SentencePiece's kind (LLaMA 1, Llama 2) or of tiktoken's (Llama 3 and later). */
  readonly kind: "sentencepiece" | "tiktoken";
  readonly vocabSize: number;
  readonly bosId: number;
  readonly eosId: number;
  /** -1 when the vocabulary has no padding token. */
  readonly padId: number;
  /** The ids that end a generation. */
  readonly stopIds: ReadonlySet<number>;
  /** Ids of the tokens that stand for no text, by name, e.g. "<|eot_id|>"; SentencePiece has "<s>" and "</s>". */
  readonly specialTokens: ReadonlyMap<string, number>;
}

export interface Tokenizer extends Vocabulary {
  /** Special tokens are never recognised in the text: "<s>" is three characters. */
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[]): string;
  /** A new streaming detokeniser. */
  detokenizer(): Detokenizer;
}

/** A tokenizer's file that was read and found right. What encodes is made by `load`, which takes longer. */
export interface TokenizerSource {
  readonly vocabulary: Vocabulary;
  load(): Promise<Tokenizer>;
}

/** Ids of a text that stands behind another: SentencePiece puts a space before whatever it encodes, but not behind a newline. */
export function encodeBehind(tokenizer: Tokenizer, text: string): number[] {
  const newline = tokenizer.encode("\n");
  const ids = tokenizer.encode(`\n${text}`);
  return newline.every((id, i) => ids[i] === id) ? ids.slice(newline.length) : tokenizer.encode(text);
}

/** A tokenizer of a vocabulary, the way its kind encodes plain text, and its detokeniser. */
export function createTokenizer(
  vocabulary: Vocabulary,
  encodeText: (text: string) => number[],
  detokenizer: () => Detokenizer,
): Tokenizer {
  const { bosId, eosId } = vocabulary;
  return {
    ...vocabulary,
    encode(text, { bos = false, eos = false } = {}) {
      const ids = encodeText(text);
      if (bos) ids.unshift(bosId);
      if (eos) ids.push(eosId);
      return ids;
    },
    decode(ids) {
      const stream = detokenizer();
      return ids.map((id) => stream.push(id)).join("") + stream.flush();
    },
    detokenizer,
  };
}
