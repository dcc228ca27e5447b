/** Text to token ids and back: what any tokenizer offers, and which one a file holds. Knows no prompt format. */
import { readTokenizerFile } from "../formats/tokenizer-file.js";
import type { Detokenizer } from "./detokenizer.js";
import { loadHuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { loadSentencePieceTokenizer } from "./sentencepiece-tokenizer.js";
import { loadTiktokenTokenizer } from "./tiktoken-tokenizer.js";

export interface EncodeOptions {
  /** Puts the begin-of-sequence id first. */
  bos?: boolean;
  /** Puts the end-of-sequence id last. */
  eos?: boolean;
}

export interface Tokenizer {
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
  /** Special tokens are never recognised in the text: "<s>" is three characters. */
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[]): string;
  /** A new streaming detokeniser. */
  detokenizer(): Detokenizer;
}

/** Loads a tokenizer.model, SentencePiece or tiktoken, or a tokenizer.json. */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const { kind } = readTokenizerFile(path);
  if (kind === "json") return loadHuggingFaceTokenizer(path);
  return kind === "tiktoken" ? loadTiktokenTokenizer(path) : loadSentencePieceTokenizer(path);
}
