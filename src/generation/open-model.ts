/** A model before its weights are loaded: its tokenizer, its checkpoint, and how it is shared where nothing is asked for. Reads headers only. */
import { availableCores } from "../engine/cores.js";
import { type Checkpoint, isRopeScaled, openCheckpoint } from "../model/checkpoint.js";
import { type ComputeType, chooseType } from "../model/compute-type.js";
import { autoWorldSize } from "../model/partition.js";
import type { BuildOptions } from "./build-options.js";
import { loadTokenizer } from "./load-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";
import { findTokenizer } from "./tokenizer-place.js";

export interface OpenedModel {
  tokenizer: Tokenizer;
  tokenizerPath: string;
  checkpoint: Checkpoint;
}

/** Reads all that stands around the weights, and checks that it fits together. */
export async function openModel(options: Pick<BuildOptions, "ckptDir" | "tokenizerPath">): Promise<OpenedModel> {
  const { ckptDir } = options;
  // Read first, so that a wrong folder is told before the tokenizer that is missing with it.
  const set = isRopeScaled(ckptDir) ? "3.1" : "3";
  const tokenizerPath = options.tokenizerPath ?? findTokenizer(ckptDir);
  // The tokenizer counts the vocabulary, which Meta's params.json leaves out.
  const tokenizer = await loadTokenizer(tokenizerPath, set);
  return { tokenizer, tokenizerPath, checkpoint: openCheckpoint(ckptDir, tokenizer.vocabSize) };
}

/** Ranks and type of the weights, chosen where they are left to "auto". */
export function resolveSetup(
  { config, parameterCount, shardCount }: Checkpoint,
  options: Pick<BuildOptions, "nprocPerNode" | "dtype">,
): { worldSize: number; dtype: ComputeType } {
  const { nprocPerNode = "auto", dtype: asked = "auto" } = options;
  const dtype = asked === "auto" ? chooseType(parameterCount) : asked;
  if (nprocPerNode !== "auto") return { worldSize: nprocPerNode, dtype };
  return { worldSize: autoWorldSize(config, availableCores(), shardCount, dtype !== "fp32"), dtype };
}
