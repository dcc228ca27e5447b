/** Opens a model's tokenizer and checkpoint, chooses ranks and dtype, and starts the engine. Does not generate. */
import { dirname } from "node:path";
import { resolveKvType } from "../../engine/attention/resolve-kv-type.js";
import { Engine } from "../../engine/engine.js";
import type { EngineOptions } from "../../engine/host/engine-options.js";
import type { ModelEngine } from "../../engine/host/model-engine.js";
import { availableCores } from "../../engine/machine/cores.js";
import { type ComputeType, chooseType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import { storedType } from "../../model/architecture/recipe.js";
import { type Checkpoint, openCheckpoint } from "../../model/checkpoint/checkpoint.js";
import type { OpenedCheckpoint } from "../../model/checkpoint/checkpoint-format.js";
import { openPath } from "../../model/checkpoint/open-path.js";
import { autoWorldSize } from "../../model/split/rank-count.js";
import { EncodeThread } from "../../tokenizer/loading/encode-thread.js";
import { findTokenizer, lookForTokenizer } from "../../tokenizer/loading/find-tokenizer.js";
import { openTokenizer } from "../../tokenizer/loading/open-tokenizer.js";
import { settingsFor } from "../../tokenizer/loading/tokenizer-settings.js";
import type { Tokenizer, TokenizerSource } from "../../tokenizer/tokenizer.js";
import type { BuildOptions } from "./build-options.js";

/** The files of a model. Only the description of its checkpoint was read. */
export interface ModelFiles {
  checkpoint: OpenedCheckpoint;
  /** File of the tokenizer; a weight file if that contains it. */
  tokenizerPath: string;
}

/** A model before its weights are loaded. */
export interface OpenedModel {
  tokenizer: TokenizerSource;
  files: ModelFiles;
  checkpoint: Checkpoint;
  /** Encodes long texts. */
  encoder: EncodeThread;
}

/** Finds the files of a model. Throws LlamaError (model) if one is missing. */
export function findModel(options: Pick<BuildOptions, "ckptDir" | "tokenizerPath">): ModelFiles {
  const { folder, checkpoint, tokenizerPath } = findFiles(options);
  return { checkpoint, tokenizerPath: tokenizerPath ?? findTokenizer(folder) };
}

/** Like findModel(), but `tokenizerPath` is null if there is no tokenizer. `folder`: where one was looked for. */
export function findFiles({ ckptDir, tokenizerPath }: Pick<BuildOptions, "ckptDir" | "tokenizerPath">) {
  // Read first, so that a wrong folder is reported before its missing tokenizer.
  const checkpoint = openPath(ckptDir);
  const folder = folderOf(checkpoint);
  const found = () => checkpoint.tokenizerPath ?? lookForTokenizer(folder);
  return { folder, checkpoint, tokenizerPath: tokenizerPath ?? found() };
}

/** A path may be a file in the folder. */
function folderOf({ path, files }: OpenedCheckpoint): string {
  return path === files[0] ? dirname(path) : path;
}

/** Reads everything but the weights, and checks that it fits together. Throws LlamaError (model) for bad files. */
export function openModel(files: ModelFiles): OpenedModel {
  const { checkpoint, tokenizerPath } = files;
  // The vocabulary size comes from the tokenizer, because Meta's params.json omits it.
  const set = checkpoint.ropeScaling?.kind === "llama3" ? "3.1" : "3";
  const model = { folder: folderOf(checkpoint), facts: checkpoint.tokenizerFacts ?? {} };
  // A file that contains the model's tokenizer has its settings too.
  const isOwn = tokenizerPath === checkpoint.tokenizerPath;
  const settings = isOwn ? {} : settingsFor(tokenizerPath, model);
  const tokenizer = (isOwn && checkpoint.openTokenizer?.()) || openTokenizer(tokenizerPath, set, settings);
  const encoder = new EncodeThread(tokenizerPath, set, settings);
  return { tokenizer, files, encoder, checkpoint: openCheckpoint(checkpoint, tokenizer.vocabulary.vocabSize) };
}

/** The number of ranks and the types of weights, keys and values, chosen here if they are "auto". Throws LlamaError (usage). */
export function resolveSetup(
  { config, parameterCount, shardCount }: Checkpoint,
  options: Pick<BuildOptions, "nprocPerNode" | "dtype" | "kvDtype">,
): { worldSize: number; dtype: ComputeType; kvDtype: KvType } {
  const { nprocPerNode = "auto", dtype: asked = "auto" } = options;
  const dtype = asked === "auto" ? (storedType(config) ?? chooseType(parameterCount)) : asked;
  const kvDtype = resolveKvType(options.kvDtype, dtype, config);
  if (nprocPerNode !== "auto") return { worldSize: nprocPerNode, dtype, kvDtype };
  return { worldSize: autoWorldSize(config, availableCores(), shardCount, dtype !== "fp32"), dtype, kvDtype };
}

/** Starts the ranks and meanwhile, on this thread, the tokenizer, which takes as long to load as a small model. If one fails, stops the other and throws its error. */
export async function startModel(
  { tokenizer: source, checkpoint }: OpenedModel,
  options: EngineOptions,
  startEngine: (checkpoint: Checkpoint, options: EngineOptions) => Promise<ModelEngine> = Engine.start,
): Promise<{ engine: ModelEngine; tokenizer: Tokenizer }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const starting = startEngine(checkpoint, { ...options, signal });
  const loading = source.load();
  loading.catch(() => stop.abort());
  const [engine, tokenizer] = await Promise.allSettled([starting, loading]);
  if (engine.status === "rejected") throw tokenizer.status === "rejected" ? tokenizer.reason : engine.reason;
  if (tokenizer.status === "fulfilled") return { engine: engine.value, tokenizer: tokenizer.value };
  await engine.value.close();
  throw tokenizer.reason;
}
