/** Loads the model that the command line names, with progress and notes. Does not know what the model is used for. */
import type { BuildOptions, LimitOptions, Llama } from "../../index.js";
import type { MessageFlags, ModelFlags, RankFlags } from "../options/flags.js";
import { threadsOfEnvironment } from "../options/torchrun-env.js";
import { reportState } from "../supervisor/supervised.js";
import { printNote } from "../terminal/notes.js";
import { LoadProgress } from "../terminal/status-line.js";
import { contextLines, coreLines, modelLines, typeLines, unusedLines } from "../terminal/summary.js";
import type { ModelChoice } from "./choose-model.js";
import type { RankLogs, Ranks } from "./rank-logs.js";
import { verifiedLine, verify } from "./verify.js";

type NoteFlags = Pick<MessageFlags, "quiet" | "verbose">;

/** The options that concern loading. */
export interface LoadFlags extends ModelFlags, NoteFlags {}

export interface ModelUse {
  model: ModelChoice;
  flags: LoadFlags;
  logs: RankLogs;
  limits?: LimitOptions;
  signal: AbortSignal;
  /** Bytes read so far, and to be read. */
  onProgress?: (bytes: number, total: number) => void;
  /** How a model over several hosts is started. */
  startEngine?: BuildOptions["startEngine"] | undefined;
}

/** The limits of requests that the command line sets. */
export function requestLimits({
  concurrency,
  kv_memory: kvMemory,
}: {
  concurrency: number;
  kv_memory?: number | undefined;
}): LimitOptions {
  return { concurrency, ...(kvMemory !== undefined && { kvMemory }) };
}

/** Loads a model, runs `work` with it and closes it. */
export function withModel<T>(use: ModelUse, work: (llama: Llama) => Promise<T>): Promise<T> {
  return withRanks(() => loadModel(use), work, use.logs);
}

/** Starts ranks, runs `work` with them and closes them. The logs get what the ranks report, each line after `label`. */
export async function withRanks<R extends Ranks & { close(): Promise<void> }, T>(
  start: () => Promise<R>,
  work: (ranks: R) => Promise<T>,
  logs: RankLogs,
  label = "",
): Promise<T> {
  logs.open();
  try {
    const ranks = await start();
    logs.keepLoad(ranks, label);
    try {
      return await work(ranks);
    } finally {
      logs.keepTimes(ranks, label);
      await ranks.close();
    }
  } catch (error) {
    logs.keepFailure(error);
    throw error;
  }
}

async function loadModel(use: ModelUse): Promise<Llama> {
  const { model, flags, limits, signal, onProgress: report, startEngine } = use;
  const { nproc_per_node: nprocPerNode, dtype, quiet } = flags;
  const { Llama } = await import("../../index.js");
  const { findModel } = await import("../../generation/loading/open-model.js");
  const files = findModel(model);
  if (flags.verify) {
    const verified = await verify(files, quiet, signal);
    if (!quiet) printNote(verifiedLine(verified));
  }
  const progress = new LoadProgress("Loading", nprocPerNode, !quiet);
  const onProgress = (bytes: number, total: number) => {
    progress.update(bytes, total);
    report?.(bytes, total);
  };
  reportState({ phase: "loading the model" });
  let llama: Llama;
  try {
    const options = {
      ...buildOptions(use, progress.printAbove.bind(progress)),
      ...limits,
      onProgress,
      ...(startEngine && { startEngine }),
    };
    llama = await Llama.build(options, files);
  } finally {
    progress.stop();
  }
  reportState({ phase: "working" });
  const isAsked = model.maxSeqLen !== undefined;
  if (!quiet) [...unusedLines(llama), ...contextLines(llama, isAsked), ...typeLines(llama, dtype)].forEach(printNote);
  if (flags.verbose) modelLines(llama, model.ckptDir).forEach(printNote);
  return llama;
}

/** How the command line wants a model to be loaded. `print` gets the warnings about the number of ranks. */
export function buildOptions(
  { model: choice, flags, logs, signal }: Pick<ModelUse, "model" | "flags" | "logs" | "signal">,
  print: (line: string) => void,
): BuildOptions {
  const { isDemo: _, ...model } = choice;
  const { nproc_per_node: nprocPerNode, dtype, kv_dtype: kvDtype } = flags;
  const threads = flags.threads ?? threadsOfEnvironment(process.env);
  return {
    ...model,
    ...(flags.no_cache && { cacheDir: null }),
    ...{ force: flags.force ?? false, nprocPerNode, dtype, kvDtype, signal },
    ...(threads !== undefined && { threadsPerRank: threads }),
    ...rankSettings(flags, print, (ranks) => [...coreLines(ranks), ...logs.unknownRankLines(ranks.worldSize)]),
  };
}

/** The engine's options from the options of ranks. `print` gets the warnings about the number of ranks before they load. */
export function rankSettings(
  flags: RankFlags & NoteFlags,
  print: (line: string) => void,
  warnings: (ranks: { worldSize: number; threadsPerRank: number }) => string[] = coreLines,
) {
  return {
    cpuBind: flags.cpu_bind,
    rankTimeoutMs: flags.rank_timeout * 1000,
    onPlan: ({ memory, ...ranks }: Parameters<NonNullable<BuildOptions["onPlan"]>>[0]) => {
      reportState({ estimate: memory });
      if (!flags.quiet) warnings(ranks).forEach(print);
    },
  };
}
