/** The interface of a tokenizer (text to token ids and back), and how one is made from its parts. Does not know kinds of vocabularies or prompt formats. */
import type { Detokenizer } from "./decoding/detokenizer.js";

export interface EncodeOptions {
  /** Puts the begin-of-sequence id first. */
  bos?: boolean;
  /** Puts the end-of-sequence id last. */
  eos?: boolean;
}

/** The size of a vocabulary and the ids with a special meaning. */
export interface Vocabulary {
  /** The kind of its file: SentencePiece's (LLaMA 1, Llama 2), tiktoken's (Llama 3 and later), or Hugging Face's. */
  readonly kind: "sentencepiece" | "tiktoken" | "tokenizer.json";
  /** What tokens are: pieces of text with marks for spaces (SentencePiece's vocabularies), or bytes (tiktoken's). */
  readonly units: "pieces" | "bytes";
  readonly vocabSize: number;
  /** Largest number of bytes of a text that become one token; Infinity where texts may shrink. */
  readonly maxTokenBytes: number;
  readonly bosId: number;
  readonly eosId: number;
  /** -1 if the vocabulary has no padding token. */
  readonly padId: number;
  /** The ids that end a generation. */
  readonly stopIds: ReadonlySet<number>;
  /** Ids of the tokens that do not represent text, by name, e.g. "<|eot_id|>"; SentencePiece has "<s>" and "</s>". */
  readonly specialTokens: ReadonlyMap<string, number>;
}

export interface Tokenizer extends Vocabulary {
  /** Never recognises special tokens in the text: "<s>" is three characters. Throws a LlamaError for a text that is too long for its library. */
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

/** Makes a tokenizer from a vocabulary, a function that encodes plain text, and a detokeniser. */
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
