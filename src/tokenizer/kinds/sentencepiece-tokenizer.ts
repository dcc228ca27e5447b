/** The tokenizer of LLaMA 1 and Llama 2: sentencepiece-js encodes, our streaming detokeniser decodes. Does not know prompt formats. */
import process from "node:process";
import type { SentencePieceProcessor } from "sentencepiece-js";
import { LlamaError } from "../../error.js";
import { readSentencePieceModel, type SentencePieceModel } from "../../formats/tokenizer/sentencepiece-model.js";
import type { TokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";
import { createPieceDetokenizer, decodeTable } from "../decoding/piece-detokenizer.js";
import { encodable } from "../encoding/encodable-text.js";
import { createTokenizer, type TokenizerSource } from "../tokenizer.js";

/** Reads a tokenizer.model of LLaMA 1 or Llama 2; a folder of Hugging Face has settings beside it. */
export function openSentencePieceTokenizer(file: TokenizerFile, settings: TokenizerSettings = {}): TokenizerSource {
  const model = readSentencePieceModel(file);
  const table = decodeTable(model);
  const { bosId, eosId, padId } = model;
  const detokenizer = () => createPieceDetokenizer(table, model.removeExtraWhitespaces);
  const specialTokens = new Map<string, number>();
  for (const [id, { piece, type }] of model.pieces.entries()) if (type === "control") specialTokens.set(piece, id);
  const nameOf = (id: number) => model.pieces[id]?.piece ?? null;
  const vocabulary = {
    kind: "sentencepiece",
    units: "pieces",
    vocabSize: model.pieces.length,
    maxTokenBytes: maxBytes(model),
    ...{ bosId, addsBos: true, eosId, padId, specialTokens },
    tokenNames: { bos: nameOf(bosId), eos: nameOf(eosId), unk: nameOf(model.unkId), pad: nameOf(padId) },
    chatTemplate: settings.chatTemplate ?? null,
    stopIds: new Set([eosId]),
  } as const;
  return {
    vocabulary,
    load: async () => createTokenizer(vocabulary, await loadEncoder(file, vocabulary.vocabSize), detokenizer),
  };
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
  const encodeIds = (text: string): number[] => (text === "" ? [] : processor.encodeIds(encodable(text)));
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
