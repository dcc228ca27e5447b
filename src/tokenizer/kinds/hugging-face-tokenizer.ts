/** The tokenizer of a tokenizer.json, with the same ids and text as Hugging Face's tokenizers library. Does not know prompt formats. */
import { LlamaError } from "../../error.js";
import type { AddedToken } from "../../formats/tokenizer/added-token.js";
import type { TokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import { parseTokenizerJson, readTokenizerJson, type TokenizerJson } from "../../formats/tokenizer/tokenizer-json.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";
import { createByteDetokenizer } from "../decoding/byte-detokenizer.js";
import type { Detokenizer } from "../decoding/detokenizer.js";
import { fromByteLevel } from "../pipeline/byte-alphabet.js";
import { prepareDecoders } from "../pipeline/decoder-steps.js";
import { createNormalizer } from "../pipeline/normalizer.js";
import { createTextPipeline } from "../pipeline/text-pipeline.js";
import { createTokenDetokenizer } from "../pipeline/token-detokenizer.js";
import { createTokenizer, type TokenizerSource } from "../tokenizer.js";
import { mergeAddedTokens } from "./merge-added-tokens.js";
import { BOS_NAMES, EOS_NAMES, PAD_NAMES, STOP_TOKENS } from "./special-tokens.js";

/** A tokenizer.json whose root object is not in a file of its own. */
export interface TokenizerRoot {
  /** For messages. */
  path: string;
  root: Readonly<Record<string, unknown>>;
}

/** Reads a tokenizer.json. Throws a LlamaError that names what llama-ts does not support. */
export function openHuggingFaceTokenizer(
  source: TokenizerFile | TokenizerRoot,
  settings: TokenizerSettings = {},
): TokenizerSource {
  const { path } = source;
  const root = "root" in source ? source.root : parseTokenizerJson(source);
  const read = readTokenizerJson(path, root);
  const json = settings.llamaTokenizer && !hasByteLevel(read) ? asLlamaTokenizer(read, settings) : read;
  const { vocab } = json.model;
  const added = mergeAddedTokens(vocab, json.added, settings);
  const byName = new Map(added.map((token) => [token.content, token]));
  const idOf = (name: string | null | undefined) =>
    typeof name === "string" ? (byName.get(name)?.id ?? vocab.get(name)) : undefined;
  const firstOf = (names: readonly string[]) =>
    names.map((name) => byName.get(name)?.id).find((id) => id !== undefined) ?? null;
  /** By the name that the files give, or LLaMA's if they do not say. */
  const named = (name: string | null | undefined, usual: readonly string[]) =>
    name === undefined ? firstOf(usual) : (idOf(name) ?? null);
  const before = beforeText(path, json, settings);
  const eosId = named(settings.eos, EOS_NAMES);
  const tokens = tokensById(vocab, added);
  const { length: vocabSize } = tokens;
  const bosId = before === true || before === null ? named(settings.bos, BOS_NAMES) : before;
  const stops = [eosId, ...STOP_TOKENS.map((name) => byName.get(name)?.id ?? null), ...(settings.stopIds ?? [])];
  const nameOf = (name: string | null | undefined, id: number | null) =>
    name === undefined && id !== null ? (tokens[id] ?? null) : (name ?? null);
  const vocabulary = {
    kind: "tokenizer.json",
    units: json.decoders.some(({ type }) => type === "ByteLevel") ? "bytes" : "pieces",
    vocabSize,
    // Normalizers and added tokens may shorten a text.
    maxTokenBytes: Number.POSITIVE_INFINITY,
    ...{ bosId, addsBos: before !== null && bosId !== null, eosId },
    padId: named(settings.pad, PAD_NAMES) ?? -1,
    stopIds: new Set(stops.filter((id) => id !== null)),
    specialTokens: new Map(added.filter(({ special }) => special).map(({ content, id }) => [content, id])),
    textTokens: new Map(added.filter(({ special }) => !special).map(({ content, id }) => [content, id])),
    tokenNames: {
      ...{ bos: nameOf(settings.bos, bosId), eos: nameOf(settings.eos, eosId) },
      ...{ unk: settings.unk ?? json.model.unknown, pad: settings.pad ?? null },
    },
    ...{ chatTemplate: settings.chatTemplate ?? null, toolTemplate: settings.toolTemplate ?? null },
  } as const;
  const load = async () =>
    createTokenizer(vocabulary, createTextPipeline(json, added, path), detokenizerOf(path, json, tokens, added));
  return { vocabulary, load };
}

/** The id that is put before a text; true: BOS; null: none. What would follow a text is left out, because a prompt is continued. */
function beforeText(
  path: string,
  { postProcessor }: TokenizerJson,
  { addBos }: TokenizerSettings,
): number | true | null {
  if (postProcessor === null) return addBos === true ? true : null;
  const [first = null, ...more] = postProcessor.before;
  if (more.length === 0) return first;
  const found = `${1 + more.length} tokens before a text`;
  throw new LlamaError("model", "this post_processor of a tokenizer.json is not supported", { where: path, found });
}

/** Whether a step works on bytes; transformers then reads the file as it is. */
function hasByteLevel({ preTokenizers, decoders, postProcessor }: TokenizerJson): boolean {
  return (
    [...preTokenizers, ...decoders].some(({ type }) => type === "ByteLevel") || postProcessor?.isByteLevel === true
  );
}

/** transformers' class LlamaTokenizer takes vocabulary and merges of the file, and has steps of its own (tokenization_llama.py). */
function asLlamaTokenizer(json: TokenizerJson, { llamaTokenizer, addPrefixSpace }: TokenizerSettings): TokenizerJson {
  const replacement = "\u2581";
  const scheme = llamaTokenizer?.legacy === true ? "always" : "first";
  const prependScheme = addPrefixSpace === false ? "never" : scheme;
  return {
    ...json,
    model: { ...json.model, unknown: null, fusesUnknown: true, byteFallback: true, ignoresMerges: false },
    normalizers: [],
    preTokenizers: [{ type: "Metaspace", replacement, prependScheme, split: false }],
    decoders: [
      { type: "Replace", pattern: { text: replacement }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      ...(addPrefixSpace === false ? [] : [{ type: "Strip", content: " ", start: 1, stop: 0 } as const]),
    ],
  };
}

/** Names by id; null for an id that no token has. */
function tokensById(vocab: ReadonlyMap<string, number>, added: readonly AddedToken[]): (string | null)[] {
  const last = [...vocab.values(), ...added.map(({ id }) => id)].reduce((most, id) => Math.max(most, id), -1);
  const tokens = new Array<string | null>(last + 1).fill(null);
  for (const [token, id] of vocab) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  return tokens;
}

function detokenizerOf(
  path: string,
  { decoders, normalizers }: TokenizerJson,
  tokens: readonly (string | null)[],
  added: readonly AddedToken[],
): () => Detokenizer {
  const normalize = createNormalizer(normalizers, path);
  const shown = [...tokens];
  // As in the library, a token that is looked for after the normalizers is also written in that form.
  for (const { id, content, special, normalized } of added) {
    shown[id] = special ? null : normalized ? normalize(content).text : content;
  }
  if (decoders.length === 1 && decoders[0]!.type === "ByteLevel") {
    const table = shown.map((token) => (token === null ? "" : fromByteLevel(token)));
    return () => createByteDetokenizer(table);
  }
  const steps = prepareDecoders(decoders, path);
  return () => createTokenDetokenizer(shown, steps);
}
