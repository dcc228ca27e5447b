/** Reads a tokenizer from the metadata of a GGUF file and checks it: tokens, their types, scores or merges, ids and flags. Does not know how text is encoded. */
import { LlamaError } from "../../error.js";
import { showValue } from "../files/json-value.js";
import { quoted } from "../files/quoted.js";
import type { GgufFile } from "../gguf/gguf.js";
import { PIECE_TYPES, type PieceType } from "./sentencepiece-model.js";

const PREFIX = "tokenizer.ggml.";
/** The largest published vocabularies have about 260,000. */
const MAX_TOKENS = 1_000_000;
/** What llama.cpp writes as an unsigned number for a token that a model does not have. */
const NONE = 0xffffffff;
const AGAIN = "The file is damaged, or made by an old program: convert or download the model again";

/** A vocabulary as the file has it. The index in each list is the token id. */
export interface GgufVocabulary {
  readonly path: string;
  /** tokenizer.ggml.model, e.g. "llama" (SentencePiece) or "gpt2" (byte pairs). */
  readonly model: string;
  /** tokenizer.ggml.pre: the name of the rule that divides a text; null if the file has none. */
  readonly pre: string | null;
  readonly tokens: readonly string[];
  readonly types: readonly PieceType[];
  /** Null if the file has none. */
  readonly scores: readonly number[] | null;
  /** As written: two tokens with a space between them, most important first; null if the file has none. */
  readonly merges: readonly string[] | null;
  /** Undefined where the file does not say; null: the model has no such token. */
  readonly ids: Readonly<Record<TokenRole, number | null | undefined>>;
  readonly flags: Readonly<Record<keyof typeof FLAGS, boolean | undefined>>;
  readonly chatTemplate: string | null;
  readonly toolTemplate: string | null;
}

const ROLES = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  eot: "eot_token_id",
  eom: "eom_token_id",
  unk: "unknown_token_id",
  pad: "padding_token_id",
} as const;
export type TokenRole = keyof typeof ROLES;

const FLAGS = {
  addBos: "add_bos_token",
  addEos: "add_eos_token",
  addSpacePrefix: "add_space_prefix",
  removeExtraWhitespaces: "remove_extra_whitespaces",
} as const;

/** Reads and checks what every kind of vocabulary has. Throws a LlamaError (model) for missing or bad values. */
export function readGgufVocabulary(file: GgufFile): GgufVocabulary {
  const reader = new MetadataReader(file);
  const model = reader.text("model");
  if (model === undefined) {
    const fix =
      "Name the model's tokenizer.json or tokenizer.model with --tokenizer_path (in the library: tokenizerPath)";
    throw new LlamaError("model", "the file has no tokenizer", { where: `${file.path}: ${PREFIX}model`, fix });
  }
  const tokens = reader.texts("tokens") ?? reader.missing("tokens");
  if (tokens.length === 0 || tokens.length > MAX_TOKENS) {
    throw reader.error("tokens", "bad number of tokens", `1 to ${MAX_TOKENS}`, String(tokens.length));
  }
  const seen = new Map<string, number>();
  for (let id = 0; id < tokens.length; id++) {
    // As llama.cpp names it: an empty token has no text.
    if (tokens[id] === "") tokens[id] = `[EMPTY_${id}]`;
    const token = tokens[id]!;
    const first = seen.get(token);
    if (first !== undefined) {
      throw reader.error("tokens", "token occurs twice", "each token once", `${quoted(token)} as ${first} and ${id}`);
    }
    seen.set(token, id);
  }
  const numbers = reader.numbers("token_type", tokens.length) ?? reader.missing("token_type");
  const types = numbers.map((number, id) => {
    const type = PIECE_TYPES[number - 1];
    if (type === undefined) throw reader.error("token_type", `bad type of token ${id}`, "1 to 6", String(number));
    return type;
  });
  const scores = reader.numbers("scores", tokens.length) ?? null;
  const bad = scores?.findIndex((score) => !Number.isFinite(score)) ?? -1;
  if (bad >= 0) throw reader.error("scores", `bad score of token ${bad}`, "a number", String(scores?.[bad]));
  return {
    ...{ path: file.path, model, pre: reader.text("pre") ?? null, tokens, types, scores },
    merges: reader.texts("merges") ?? null,
    ids: reader.each(ROLES, (key) => reader.id(key, tokens.length)),
    flags: reader.each(FLAGS, (key) => reader.flag(key)),
    chatTemplate: reader.text("chat_template", "tokenizer.") ?? null,
    toolTemplate: reader.text("chat_template.tool_use", "tokenizer.") ?? null,
  };
}

/** The error for a list that a vocabulary of this kind needs. */
export function missingList(path: string, key: string): LlamaError {
  const where = `${path}: ${PREFIX}${key}`;
  return new LlamaError("model", "is missing", { where, expected: "a list", found: "none", fix: AGAIN });
}

/** Reads keys that begin with "tokenizer.ggml."; undefined means that there is no such key. */
class MetadataReader {
  readonly #file: GgufFile;

  constructor(file: GgufFile) {
    this.#file = file;
  }

  error(key: string, problem: string, expected: string, found: string, prefix = PREFIX): LlamaError {
    const where = `${this.#file.path}: ${prefix}${key}`;
    return new LlamaError("model", problem, { where, expected, found, fix: AGAIN });
  }

  missing(key: string): never {
    throw missingList(this.#file.path, key);
  }

  each<K extends string, V>(keys: Readonly<Record<K, string>>, read: (key: string) => V): Record<K, V> {
    const pairs = Object.entries<string>(keys).map(([name, key]) => [name, read(key)] as const);
    return Object.fromEntries(pairs) as Record<K, V>;
  }

  text(key: string, prefix = PREFIX): string | undefined {
    const value = this.#file.metadata.get(prefix + key);
    if (value === undefined || typeof value === "string") return value;
    throw this.error(key, "is not text", "text", show(value), prefix);
  }

  flag(key: string): boolean | undefined {
    const value = this.#file.metadata.get(PREFIX + key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.error(key, "is not a flag", "true or false", show(value));
  }

  texts(key: string): string[] | undefined {
    const value = this.#file.metadata.get(PREFIX + key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return value.slice();
    throw this.error(key, "is not a list of texts", "texts", show(value));
  }

  numbers(key: string, length: number): number[] | undefined {
    const value = this.#file.metadata.get(PREFIX + key);
    if (value === undefined) return undefined;
    const isList = Array.isArray(value) || ArrayBuffer.isView(value);
    if (!isList) throw this.error(key, "is not a list of numbers", "numbers", show(value));
    const numbers: unknown[] = Array.from(value as ArrayLike<unknown>);
    if (numbers.length !== length) throw this.error(key, "has a wrong length", String(length), String(numbers.length));
    if (numbers.every((entry) => typeof entry === "number")) return numbers;
    throw this.error(key, "is not a list of numbers", "numbers", "other values");
  }

  id(key: string, count: number): number | null | undefined {
    const value = this.#file.metadata.get(PREFIX + key);
    if (value === undefined) return undefined;
    if (value === NONE || value === -1) return null;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < count) return value;
    // Converters give the padding an id that the vocabulary does not have; nothing is padded here.
    if (key === ROLES.pad) return null;
    throw this.error(key, "is not a token id", `0 to ${count - 1}`, show(value));
  }
}

function show(value: unknown): string {
  return ArrayBuffer.isView(value) ? "a list of numbers" : showValue(value);
}
