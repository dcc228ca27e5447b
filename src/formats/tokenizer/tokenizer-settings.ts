/** Reads what the JSON files beside a tokenizer say about it: names of special tokens, BOS and EOS, added tokens, stops, the chat template. Does not know how text is encoded. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { readWhole } from "../files/byte-source.js";
import { readJsonObject } from "../files/json-file.js";
import { isObject, showValue } from "../files/json-value.js";
import { decodeText } from "../files/text.js";
import { type AddedToken, addedToken, isId } from "./added-token.js";

const MAX_TEMPLATE = 1024 * 1024;
/** Keys of names, in the order in which transformers adds tokens that do not exist. */
const NAME_KEYS = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/** What is known of a tokenizer beside its own file. Plain data. */
export interface TokenizerSettings {
  /** Names of tokens. null: the tokenizer has none; undefined: the files do not say. */
  readonly bos?: string | null | undefined;
  readonly eos?: string | null | undefined;
  readonly unk?: string | null | undefined;
  readonly pad?: string | null | undefined;
  /** Whether a text begins with BOS. null or undefined: the files do not say. */
  readonly addBos?: boolean | null | undefined;
  /** Whether a text ends with EOS. Not applied: a prompt is continued. */
  readonly addEos?: boolean | null | undefined;
  /** Ids that end a generation, beside the tokenizer's own. */
  readonly stopIds?: readonly number[] | undefined;
  /** The Jinja source of the chat template. */
  readonly chatTemplate?: string | null | undefined;
  /** That of the template for dialogs with tools, where it is another one. */
  readonly toolTemplate?: string | null | undefined;
  /** Tokens above the vocabulary of the tokenizer's file, or options of tokens in it. */
  readonly addedTokens?: readonly AddedToken[] | undefined;
  /** Names of all special tokens; those without an id get the next ones, as in transformers. */
  readonly specialNames?: readonly string[] | undefined;
  /** Whether a text begins with a space that its tokens have and the text has not. undefined: as the tokenizer's file says. */
  readonly addPrefixSpace?: boolean | undefined;
  /** Set where transformers' class LlamaTokenizer reads the file: `legacy`: such a space also follows each special token. */
  readonly llamaTokenizer?: { readonly legacy: boolean } | undefined;
}

/** What a model's config.json says, which is read elsewhere. */
export interface ModelFacts {
  readonly modelType?: unknown;
  readonly eosTokenId?: unknown;
}

/** Models for which transformers does not use the class that tokenizer_config.json names. */
const OTHER_CLASS = ["mistral", "mixtral", "ministral", "mistral3"];

/**
 * Reads the files of a tokenizer's folder that exist (tokenizer_config.json, special_tokens_map.json, added_tokens.json,
 * chat_template.jinja) and generation_config.json of the model's, as transformers 5 does. Throws a LlamaError for a bad one.
 */
export function readTokenizerSettings(folder: string, modelFolder: string, facts: ModelFacts = {}): TokenizerSettings {
  const path = join(folder, "tokenizer_config.json");
  const written = readIfExists(path);
  const decoder = written.added_tokens_decoder;
  // The two older files only count where the newer key is absent.
  const isOlder = decoder === undefined || decoder === null;
  const config = isOlder ? { ...written, ...readIfExists(join(folder, "special_tokens_map.json")) } : written;
  const named = NAME_KEYS.map((key) => nameOf(config[key]));
  const extra = config.extra_special_tokens ?? config.additional_special_tokens;
  const extras = (isObject(extra) ? Object.values(extra) : Array.isArray(extra) ? extra : []).map(nameOf);
  const specialNames = [...named, ...extras].filter((name) => typeof name === "string");
  const addedTokens = isOlder
    ? readAddedTokens(join(folder, "added_tokens.json"), new Set(specialNames))
    : readDecoder(path, decoder);
  const tokenizerClass = config.tokenizer_class;
  const isLlama = tokenizerClass === "LlamaTokenizer" || tokenizerClass === "LlamaTokenizerFast";
  const takesClass = isLlama && !OTHER_CLASS.includes(String(facts.modelType));
  return {
    ...{ bos: named[0], eos: named[1], unk: named[2], pad: named[4] },
    ...{ addBos: flagOf(config.add_bos_token), addEos: flagOf(config.add_eos_token) },
    stopIds: stopIds(modelFolder, facts.eosTokenId),
    chatTemplate: chatTemplate(folder, config.chat_template, path, "default"),
    toolTemplate: chatTemplate(folder, config.chat_template, path, "tool_use"),
    ...{ addedTokens, specialNames },
    ...(takesClass && {
      addPrefixSpace: flagOf(config.add_prefix_space) ?? true,
      // null is false, as in transformers.
      llamaTokenizer: { legacy: config.legacy === true },
    }),
  };
}

function readIfExists(path: string): Record<string, unknown> {
  return existsSync(path) ? readJsonObject(path, "") : {};
}

/** Either text, or an added token with its content. */
function nameOf(value: unknown): string | null | undefined {
  const content = isObject(value) ? value.content : value;
  return (typeof content === "string" && content !== "") || content === null ? content : undefined;
}

function flagOf(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** Ids of names; a name is ordinary text unless it is one of `special`. */
function readAddedTokens(path: string, special: ReadonlySet<string>): AddedToken[] {
  return Object.entries(readIfExists(path)).map(([content, id]) => {
    if (!isId(id)) throw badToken(path, showValue(id));
    return addedToken(id, content, { special: special.has(content) });
  });
}

/** added_tokens_decoder: tokens and their options by id. */
function readDecoder(path: string, decoder: unknown): AddedToken[] {
  if (!isObject(decoder)) throw badToken(path, showValue(decoder));
  return Object.entries(decoder).map(([key, token]) => {
    const id = Number(key);
    const options = isObject(token) ? token : {};
    if (!isId(id) || typeof options.content !== "string") throw badToken(path, showValue(token));
    return addedToken(id, options.content, options);
  });
}

function badToken(where: string, found: string): LlamaError {
  return new LlamaError("model", "bad added token", { where, expected: "a name and its id", found });
}

/** transformers reads generation_config.json, and config.json where that file or its key is missing. */
function stopIds(folder: string, fallback: unknown): number[] {
  const path = join(folder, "generation_config.json");
  const value = readIfExists(path).eos_token_id ?? fallback ?? [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  // Some files have -1 for none.
  return ids.filter((id) => isId(id));
}

/** A template by its name: a file of its own comes before the key, which has one template, "default", or a list of named ones. */
function chatTemplate(folder: string, value: unknown, where: string, wanted: "default" | "tool_use"): string | null {
  const files = { default: "chat_template.jinja", tool_use: join("additional_chat_templates", "tool_use.jinja") };
  const file = join(folder, files[wanted]);
  if (existsSync(file)) return decodeText(readWhole(file, MAX_TEMPLATE, "a chat template"), file, "model");
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return wanted === "default" ? value : null;
  const expected = "text, or a list of templates with names";
  if (!Array.isArray(value)) throw badTemplate(where, expected, showValue(value));
  for (const entry of value) {
    const { name, template } = isObject(entry) ? entry : {};
    if (typeof name !== "string" || typeof template !== "string") throw badTemplate(where, expected, showValue(entry));
    if (name === wanted) return template;
  }
  return null;
}

function badTemplate(where: string, expected: string, found: string): LlamaError {
  return new LlamaError("model", "bad chat_template", { where, expected, found });
}
