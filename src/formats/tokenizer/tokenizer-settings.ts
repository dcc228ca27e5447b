/** Reads what the JSON files beside a tokenizer say about it: names of special tokens, BOS and EOS, added tokens, stops, the chat template. Does not know how text is encoded. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { readWhole } from "../files/byte-source.js";
import { readJsonObject } from "../files/json-file.js";
import { isObject, showValue } from "../files/json-value.js";

const MAX_TEMPLATE = 1024 * 1024;

/** A token beside those of the model's vocabulary, as in the added_tokens of a tokenizer.json. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Not text: it is recognised only where special tokens are asked for, and decodes to nothing. */
  readonly special: boolean;
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

/** What is known of a tokenizer beside its own file. Plain data. */
export interface TokenizerSettings {
  /** Names of tokens. null: the tokenizer has none; undefined: the files do not say. */
  readonly bos?: string | null | undefined;
  readonly eos?: string | null | undefined;
  readonly unk?: string | null | undefined;
  readonly pad?: string | null | undefined;
  /** Whether a text begins with BOS and ends with EOS. undefined: the files do not say. */
  readonly addBos?: boolean | null | undefined;
  readonly addEos?: boolean | null | undefined;
  /** Ids that end a generation, beside the tokenizer's own. */
  readonly stopIds?: readonly number[] | undefined;
  /** The Jinja source of the chat template. */
  readonly chatTemplate?: string | null | undefined;
  readonly addedTokens?: readonly AddedToken[] | undefined;
}

/** Reads the files in the tokenizer's folder that exist: tokenizer_config.json, chat_template.jinja. Throws a LlamaError for a bad one. */
export function readTokenizerSettings(folder: string): TokenizerSettings {
  const path = join(folder, "tokenizer_config.json");
  const config = existsSync(path) ? readJsonObject(path, "") : {};
  const names = { bos: nameOf(config.bos_token), eos: nameOf(config.eos_token) };
  const others = { unk: nameOf(config.unk_token), pad: nameOf(config.pad_token) };
  return { ...names, ...others, chatTemplate: chatTemplate(folder, config.chat_template, path) };
}

/** Either text, or an added token with its content. */
function nameOf(value: unknown): string | null | undefined {
  const content = isObject(value) ? value.content : value;
  return typeof content === "string" || content === null ? content : undefined;
}

/** A file of its own comes before the key; of a list of named templates the one named "default". */
function chatTemplate(folder: string, value: unknown, where: string): string | null {
  const file = join(folder, "chat_template.jinja");
  if (existsSync(file)) return Buffer.from(readWhole(file, MAX_TEMPLATE, "a chat template")).toString("utf8");
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  const expected = "text, or a list of templates with names";
  if (!Array.isArray(value)) throw badTemplate(where, expected, showValue(value));
  for (const entry of value) {
    const { name, template } = isObject(entry) ? entry : {};
    if (typeof name !== "string" || typeof template !== "string") throw badTemplate(where, expected, showValue(entry));
    if (name === "default") return template;
  }
  return null;
}

function badTemplate(where: string, expected: string, found: string): LlamaError {
  return new LlamaError("model", "bad chat_template", { where, expected, found });
}
