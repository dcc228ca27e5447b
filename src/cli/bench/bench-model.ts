/** Which model is measured: a folder, a named shape with random weights, or the demo model. Knows files and names; loads no weights. */
import { LlamaError } from "../../error.js";
import { loadTokenizer } from "../../generation/tokenizer.js";
import { findTokenizer } from "../../generation/tokenizer-place.js";
import { type Checkpoint, openCheckpoint } from "../../model/checkpoint.js";
import { openFolder } from "../../model/folder.js";
import { presetCheckpoint } from "../../model/preset.js";
import { chooseModel } from "../demo.js";
import type { BenchFlags } from "./bench-flags.js";

export interface BenchModel {
  /** As rows of results call it. */
  name: string;
  checkpoint: Checkpoint;
}

export async function openModel(
  flags: Pick<BenchFlags, "ckpt_dir" | "tokenizer_path" | "preset" | "layers">,
): Promise<BenchModel> {
  const { preset, layers } = flags;
  if (preset !== undefined) {
    const name = layers === undefined ? preset : `${preset} (${layers} layer${layers === 1 ? "" : "s"})`;
    return { name, checkpoint: presetCheckpoint(preset, layers) };
  }
  if (layers !== undefined) throw new LlamaError("usage", "--layers needs --preset");
  const { ckptDir, tokenizerPath, isDemo } = chooseModel(flags);
  // A wrong folder is told before the tokenizer that is missing with it.
  openFolder(ckptDir);
  // The tokenizer counts the vocabulary, which Meta's params.json leaves out.
  const { vocabSize } = await loadTokenizer(tokenizerPath ?? findTokenizer(ckptDir));
  return { name: isDemo ? "demo" : ckptDir, checkpoint: openCheckpoint(ckptDir, vocabSize) };
}
