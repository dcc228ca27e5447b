/** The tokenizer of LLaMA 1 and Llama 2: sentencepiece-js encodes, our streaming detokeniser decodes. Does not know prompt formats. */
import process from "node:process";
import type { SentencePieceProcessor } from "sentencepiece-js";
import { LlamaError } from "../../error.js";
import { type AddedToken, addedToken } from "../../formats/tokenizer/added-token.js";
import {
  type Piece,
  readSentencePieceModel,
  type SentencePieceModel,
} from "../../formats/tokenizer/sentencepiece-model.js";
import type { TokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";
import { createPieceDetokenizer, type DecodeTable, decodeTable } from "../decoding/piece-detokenizer.js";
import { encodable } from "../encoding/encodable-text.js";
import { AddedTokens } from "../pipeline/added-tokens.js";
import { createTokenizer, type TokenizerSource } from "../tokenizer.js";
import { mergeAddedTokens } from "./merge-added-tokens.js";

/**
 * Reads a tokenizer.model of LLaMA 1 or Llama 2. The settings are those of a Hugging Face folder: added tokens, names, whether
 * BOS is added (it is if they do not say), and where transformers' LlamaTokenizer begins a text with a space.
 */
export function openSentencePieceTokenizer(file: TokenizerFile, settings: TokenizerSettings = {}): TokenizerSource {
  const model = readSentencePieceModel(file);
  const { pieces, padId } = model;
  const ids = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const named = mergeAddedTokens(ids, [], settings);
  const special = new Map<string, number>();
  for (const [id, { piece, type }] of pieces.entries()) if (type === "control") special.set(piece, id);
  for (const token of named) if (token.special) special.set(token.content, token.id);
  const added = [
    ...named.filter((token) => !token.special),
    ...inTextOnly(special, named, pieces[model.unkId]!, model),
  ];
  const idOf = (name: string | null | undefined, usual: number): number | null =>
    name === undefined ? usual : name === null ? null : (special.get(name) ?? ids.get(name) ?? usual);
  const nameOf = (name: string | null | undefined, id: number) =>
    name === undefined ? (pieces[id]?.piece ?? null) : name;
  const bosId = idOf(settings.bos, model.bosId);
  const eosId = idOf(settings.eos, model.eosId);
  const table = withAdded(
    decodeTable({ ...model, addDummyPrefix: model.addDummyPrefix && settings.addPrefixSpace !== false }),
    named,
  );
  const vocabulary = {
    kind: "sentencepiece",
    units: "pieces",
    vocabSize: table.length,
    maxTokenBytes: named.some((token) => !token.special) ? Number.POSITIVE_INFINITY : maxBytes(model),
    ...{ bosId, addsBos: bosId !== null && settings.addBos !== false, eosId },
    padId: settings.pad === undefined ? padId : (idOf(settings.pad, padId) ?? -1),
    specialTokens: special,
    stopIds: new Set([...(eosId === null ? [] : [eosId]), ...(settings.stopIds ?? [])]),
    tokenNames: {
      ...{ bos: nameOf(settings.bos, model.bosId), eos: nameOf(settings.eos, model.eosId) },
      ...{ unk: nameOf(settings.unk, model.unkId), pad: nameOf(settings.pad, padId) },
    },
    ...{ chatTemplate: settings.chatTemplate ?? null, toolTemplate: settings.toolTemplate ?? null },
  } as const;
  const load = async () => {
    const encode = await loadSections(file, pieces.length, new AddedTokens(added), settings);
    return createTokenizer(vocabulary, encode, () => createPieceDetokenizer(table, model.removeExtraWhitespaces));
  };
  return { vocabulary, load };
}

/** Special tokens as they are found in a text, with the options of the added ones; the unknown token is one of them there. */
function inTextOnly(
  special: ReadonlyMap<string, number>,
  named: readonly AddedToken[],
  unknown: Piece,
  { unkId }: SentencePieceModel,
): AddedToken[] {
  const options = new Map(named.map((token) => [token.content, token]));
  return [...special, [unknown.piece, unkId] as const].map(
    ([name, id]) => options.get(name) ?? addedToken(id, name, { special: true }),
  );
}

/** Added tokens that are ordinary text decode to it; ids without a token decode to nothing. */
function withAdded(table: DecodeTable, added: readonly AddedToken[]): DecodeTable {
  const last = added.reduce((most, { id }) => Math.max(most, id), table.length - 1);
  const all = [...table, ...new Array<null>(last + 1 - table.length).fill(null)];
  for (const { id, content, special } of added) {
    if (special) all[id] = null;
    else if (id >= table.length) all[id] = { text: content, atStart: content };
  }
  return all;
}

/** Encodes the sections between added tokens; which of them begin with a space is a matter of the settings. */
async function loadSections(
  file: TokenizerFile,
  pieceCount: number,
  added: AddedTokens,
  { addPrefixSpace, llamaTokenizer }: TokenizerSettings,
): Promise<(text: string, special: boolean) => number[]> {
  const withPrefix = await loadEncoder(file, pieceCount);
  if (llamaTokenizer === undefined && addPrefixSpace !== false) {
    return (text, special) => encodeSections(added, text, special, withPrefix);
  }
  const bytes = Buffer.concat([file.bytes, NO_DUMMY_PREFIX]);
  const withoutPrefix = await loadEncoder({ ...file, bytes }, pieceCount);
  return (text, special) =>
    encodeSections(added, text, special, (section, start) => {
      // transformers' Metaspace: no space before one that is there.
      const hasSpace = llamaTokenizer !== undefined && /^[ \u2581]/.test(section);
      const isPrefixed = addPrefixSpace !== false && (start === 0 || llamaTokenizer?.legacy !== false);
      return (isPrefixed && !hasSpace ? withPrefix : withoutPrefix)(section);
    });
}

/** add_dummy_prefix = false in a normalizer_spec; in a protobuf message, a field that occurs again replaces the first. */
const NO_DUMMY_PREFIX = Uint8Array.of(0x1a, 0x02, 0x18, 0x00);

function encodeSections(
  added: AddedTokens,
  text: string,
  special: boolean,
  encode: (section: string, start: number) => number[],
): number[] {
  return added
    .split(encodable(text), special)
    .flatMap((section) => (typeof section === "number" ? [section] : encode(section.text, section.start)));
}

/** Without byte pieces any number of unknown characters is one token, and extra white space may be removed. */
function maxBytes({ pieces, removeExtraWhitespaces }: SentencePieceModel): number {
  if (removeExtraWhitespaces || !pieces.some(({ type }) => type === "byte")) return Number.POSITIVE_INFINITY;
  return pieces.reduce((most, { piece }) => Math.max(most, Buffer.byteLength(piece)), 1);
}

async function loadEncoder({ path, bytes }: TokenizerFile, vocabSize: number): Promise<(text: string) => number[]> {
  // Imported on use: the module contains its WebAssembly and takes longer to read than all other modules together.
  const { SentencePieceProcessor } = await import("sentencepiece-js");
  const processor = new SentencePieceProcessor();
  try {
    await withoutItsListeners(() => loadBytes(processor, bytes));
  } catch (cause) {
    if (String(cause).includes("Cannot allocate Wasm memory")) {
      const fix = "WebAssembly reserves address space: raise the limit (ulimit -v)";
      throw new LlamaError("memory", "not enough memory to load it", { where: path, fix, cause });
    }
    throw new LlamaError("model", "cannot be loaded", { where: path, found: String(cause), cause });
  }
  const encodeIds = (text: string): number[] => (text === "" ? [] : processor.encodeIds(text));
  // The library ignores the status of its load: only encoding something shows whether it worked.
  const probe = encodeIds("a");
  if (probe.length === 0 || probe.some((id) => !(id >= 0 && id < vocabSize))) {
    throw new LlamaError("model", "is not accepted by SentencePiece", {
      where: path,
      fix: "The file is damaged: copy or download it again",
    });
  }
  return encodeIds;
}

/** Does what the library's `load` does, but with the bytes that were read and checked instead of a path. */
async function loadBytes(processor: SentencePieceProcessor, bytes: Uint8Array): Promise<void> {
  // `load` starts the WebAssembly module and then reads the path: an empty path exists nowhere.
  const failure: unknown = await processor.load("").catch((cause: unknown) => cause);
  const { sentencepiece: library } = processor;
  if (library === undefined) throw failure;
  const name = "tokenizer.model";
  library.FS.writeFile(name, bytes);
  const text = new library.StringView(name);
  const view = text.getView();
  processor.processor = new library.SentencePieceProcessor();
  processor.processor.Load(view).delete();
  view.delete();
  text.delete();
}

const PROCESS_EVENTS = ["uncaughtException", "unhandledRejection"] as const;
/** The bodies of the listeners that sentencepiece-js's Emscripten glue adds; they only rethrow. */
const LISTENER_SOURCE =
  /^function\s*\((\w+)\)\s*\{\s*(if\s*\(!\(\1 instanceof ExitStatus\)\)\s*\{\s*)?throw \1;?\s*\}+$/;

/** Removes the process-wide listeners that `load` adds, which would change how the host program fails. */
async function withoutItsListeners(load: () => Promise<void>): Promise<void> {
  const before = PROCESS_EVENTS.map((event) => new Set<unknown>(process.rawListeners(event)));
  try {
    await load();
  } finally {
    for (const [i, event] of PROCESS_EVENTS.entries()) {
      for (const listener of process.rawListeners(event)) {
        // Other code may have added listeners in the meantime, so it is not enough that a listener is new.
        if (before[i]!.has(listener) || !LISTENER_SOURCE.test(String(listener))) continue;
        process.removeListener(event, listener as (...args: unknown[]) => void);
      }
    }
  }
}
