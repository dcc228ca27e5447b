/** Loads the model that a line asks for, shows how far that is, and tells what is good to know of it. Knows not what is done with it. */
import type { BuildOptions, LimitOptions, Llama } from "../../index.js";
import type { MessageFlags, ModelFlags, RankFlags } from "../options/flags.js";
import { threadsOfEnvironment } from "../options/torchrun-env.js";
import { tellState } from "../supervisor/supervised.js";
import { printNote } from "../terminal/notes.js";
import { LoadProgress } from "../terminal/status-line.js";
import { coreLines, modelLines, typeLines, unusedLines } from "../terminal/summary.js";
import type { RankLogs } from "./rank-logs.js";
import { verifiedLine, verify } from "./verify.js";

type Telling = Pick<MessageFlags, "quiet" | "verbose">;

/** What a line may say about loading. */
export interface LoadFlags extends ModelFlags, Telling {}

export interface ModelUse {
  model: Pick<BuildOptions, "ckptDir" | "tokenizerPath" | "maxSeqLen">;
  flags: LoadFlags;
  logs: RankLogs;
  limits?: LimitOptions;
  signal: AbortSignal;
}

/** What a line says about the requests that run at once. */
export function requestLimits({ concurrency, kv_memory: kvMemory }: { concurrency: number; kv_memory?: number | undefined }): LimitOptions {
  return { concurrency, ...(kvMemory !== undefined && { kvMemory }) };
}

/** Loads a model, has work done with it, and closes it. */
export function withModel<T>(use: ModelUse, work: (llama: Llama) => Promise<T>): Promise<T> {
  return use.logs.runWithModel(() => loadModel(use), work);
}

async function loadModel({ model, flags, logs, limits, signal }: ModelUse): Promise<Llama> {
  const { nproc_per_node: nprocPerNode, dtype, quiet } = flags;
  const { Llama } = await import("../../index.js");
  if (flags.verify) {
    const verified = await verify(model, quiet, signal);
    if (!quiet) printNote(verifiedLine(verified));
  }
  const progress = new LoadProgress("Loading", nprocPerNode, !quiet);
  const onProgress = progress.update.bind(progress);
  tellState({ phase: "loading the model" });
  let llama: Llama;
  try {
    const cacheDir = flags.no_cache ? { cacheDir: null } : {};
    const threads = threadsOfEnvironment(process.env);
    llama = await Llama.build({
      ...{ ...model, ...cacheDir, ...limits, force: flags.force ?? false, nprocPerNode, dtype, signal, onProgress },
      ...(threads !== undefined && { threadsPerRank: threads }),
      ...rankSettings(flags, progress.tell.bind(progress), (ranks) => [
        ...coreLines(ranks),
        ...logs.strayLines(ranks.worldSize),
      ]),
    });
  } finally {
    progress.stop();
  }
  tellState({ phase: "working" });
  if (!quiet) [...unusedLines(llama), ...typeLines(llama, dtype)].forEach(printNote);
  if (flags.verbose) modelLines(llama, model.ckptDir).forEach(printNote);
  return llama;
}

/** What a line says about ranks, for whatever starts them. What is wrong with their number is told before they load. */
export function rankSettings(
  flags: RankFlags & Telling,
  tell: (line: string) => void,
  warnings: (ranks: { worldSize: number; threadsPerRank: number }) => string[] = coreLines,
) {
  return {
    cpuBind: flags.cpu_bind,
    rankTimeoutMs: flags.rank_timeout * 1000,
    onPlan: ({ memory, ...ranks }: Parameters<NonNullable<BuildOptions["onPlan"]>>[0]) => {
      tellState({ estimate: memory });
      if (!flags.quiet) warnings(ranks).forEach(tell);
    },
  };
}
