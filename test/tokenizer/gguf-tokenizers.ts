/** Writes tokenizers as GGUF files for the tests, from the files of other kinds. */
import { readSentencePieceModel } from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { fixture, readJson } from "../folders.js";
import { ggufBytes } from "../formats/gguf-file.js";
import { llama3Json } from "./tokenizer-json.js";

/** Keys and values of the metadata; a value of undefined leaves the key out. */
export type Metadata = Record<string, unknown>;

/** Numbers of the types of tokens, which are those of SentencePiece. */
export const TYPE = { normal: 1, unknown: 2, control: 3, "user-defined": 4, unused: 5, byte: 6 } as const;

/** A file with the metadata of a tokenizer, without tensors; `more` replaces keys after "tokenizer.". */
export function ggufTokenizer(metadata: Metadata, more: Metadata = {}): Buffer {
  const pairs = Object.entries({ ...metadata, ...more }).filter(([, value]) => value !== undefined);
  return ggufBytes(
    [["general.architecture", "llama"], ...pairs.map(([key, value]) => [`tokenizer.${key}`, value] as const)],
    [],
  );
}

/** The keys and values of the metadata that a converter makes of a tokenizer.model, with their whole names. */
export function tokenizerMetadata(file: string): [string, unknown][] {
  const { kind } = readTokenizerFile(file);
  const metadata = kind === "tiktoken" ? llama3Metadata(file) : pieceMetadata(file);
  return Object.entries(metadata).map(([key, value]) => [`tokenizer.${key}`, value]);
}

/** The metadata that a converter makes of a SentencePiece model. */
export function pieceMetadata(model: string): Metadata {
  const { pieces } = readSentencePieceModel(readTokenizerFile(model));
  return {
    "ggml.model": "llama",
    "ggml.pre": "default",
    "ggml.tokens": pieces.map(({ piece }) => piece),
    "ggml.scores": { type: "float32", value: pieces.map(({ score }) => score) },
    "ggml.token_type": { type: "int32", value: pieces.map(({ type }) => TYPE[type]) },
    "ggml.bos_token_id": 1,
    "ggml.eos_token_id": 2,
  };
}

/** The metadata that a converter makes of Llama 3's tokenizer. */
export function llama3Metadata(tiktoken: string): Metadata {
  const { model, added_tokens: added } = llama3Json(tiktoken);
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  const types = tokens.map((): number => TYPE.normal);
  for (const { id, content } of added) {
    tokens[id] = content;
    types[id] = TYPE.control;
  }
  return {
    "ggml.model": "gpt2",
    "ggml.pre": "llama-bpe",
    "ggml.tokens": tokens,
    "ggml.token_type": { type: "int32", value: types },
    "ggml.merges": model.merges,
    "ggml.bos_token_id": tokens.indexOf("<|begin_of_text|>"),
    "ggml.eos_token_id": tokens.indexOf("<|eot_id|>"),
  };
}

/** Strings, and their ids in the real library by the name of the pre-tokenizer (bench/tokenizers/fixture.py). */
export interface RightIds {
  tokens: string[];
  merges: [number, number][];
  strings: string[];
  ids: Record<string, number[][]>;
}

export const rightIds = readJson<RightIds>(fixture("gguf-tokenizer.json"));

/** The metadata of the small byte-level vocabulary with those ids, and two tokens after it: one control, one user-defined. */
export function bytePairMetadata(pre: string): Metadata {
  const { tokens, merges } = rightIds;
  const count = tokens.length;
  return {
    "ggml.model": "gpt2",
    "ggml.pre": pre,
    "ggml.tokens": [...tokens, "<|im_end|>", "<tool_call>"],
    "ggml.token_type": { type: "int32", value: [...tokens.map(() => TYPE.normal), TYPE.control, TYPE["user-defined"]] },
    "ggml.merges": merges.map(([left, right]) => `${tokens[left]} ${tokens[right]}`),
    "ggml.bos_token_id": count,
    "ggml.eos_token_id": count,
  };
}
