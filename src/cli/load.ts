/** Loads the model that a line asks for, shows how far that is, and tells what is good to know of it. Runs nothing. */
import type { BuildOptions, Llama } from "../index.js";
import type { ModelFlags } from "./flags.js";
import { printNote } from "./notes.js";
import { LoadProgress } from "./progress.js";
import { modelLines, typeLines, unusedLines } from "./summary.js";
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
): Promise<Llama> {
  const { nproc_per_node: nprocPerNode, dtype, quiet } = flags;
  const { Llama } = await import("../index.js");
  if (flags.verify) {
    const verified = await verify(model, quiet, signal);
    if (!quiet) printNote(verifiedLine(verified));
  }
  const progress = new LoadProgress("Loading", nprocPerNode, !quiet);
  const onProgress = progress.update.bind(progress);
  let llama: Llama;
  try {
    const cacheDir = flags.no_cache ? { cacheDir: null } : {};
    const force = flags.force ?? false;
    llama = await Llama.build({ ...model, ...cacheDir, force, nprocPerNode, dtype, signal, onProgress });
  } finally {
    progress.stop();
  }
  if (!quiet) [...unusedLines(llama), ...typeLines(llama, dtype)].forEach(printNote);
  if (flags.verbose) modelLines(llama, model.ckptDir).forEach(printNote);
  return llama;
}
