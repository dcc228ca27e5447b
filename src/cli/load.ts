/** Loads the model that a line asks for, shows how far that is, and tells what is good to know of it. Runs nothing. */
import type { BuildOptions, Llama } from "../index.js";
import type { ModelFlags } from "./flags.js";
import { printNote } from "./notes.js";
import { LoadProgress } from "./progress.js";
import { coreLines, loadLines, modelLines, typeLines, unusedLines } from "./summary.js";
import { tellState } from "./supervisor/supervised.js";
import type { RankLogs } from "./torchrun/rank-logs.js";
import { threadsOfEnvironment } from "./torchrun/torchrun-env.js";
import { verifiedLine, verify } from "./verify.js";

/** What a line may say about loading. */
export interface LoadFlags extends ModelFlags {
  quiet?: true | undefined;
  verbose?: true | undefined;
}

export async function loadModel(
  model: Pick<BuildOptions, "ckptDir" | "tokenizerPath" | "maxSeqLen">,
  flags: LoadFlags,
  signal: AbortSignal,
  logs: RankLogs | null = null,
): Promise<Llama> {
  const { nproc_per_node: nprocPerNode, dtype, quiet } = flags;
  const { Llama } = await import("../index.js");
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
      ...{ ...model, ...cacheDir, force: flags.force ?? false, nprocPerNode, dtype, signal, onProgress },
      ...(threads !== undefined && { threadsPerRank: threads }),
      cpuBind: flags.cpu_bind,
      rankTimeoutMs: flags.rank_timeout * 1000,
      onEstimate: (estimate) => tellState({ estimate }),
    });
  } finally {
    progress.stop();
  }
  tellState({ phase: "working" });
  if (!quiet) [...unusedLines(llama), ...typeLines(llama, dtype), ...coreLines(llama)].forEach(printNote);
  if (flags.verbose) modelLines(llama, model.ckptDir).forEach(printNote);
  for (const [rank, line] of loadLines(llama).entries()) {
    if (logs) logs.note(rank, line);
    else if (flags.verbose) printNote(line);
  }
  return llama;
}
