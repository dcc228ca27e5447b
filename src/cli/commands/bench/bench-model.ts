/** Opens the model to measure: a folder, a preset with random weights, or the demo model. Does not load weights. */

import { LlamaError } from "../../../error.js";
import { plural } from "../../../formats/files/amounts.js";
import { findModel, openModel } from "../../../generation/loading/open-model.js";
import type { Checkpoint } from "../../../model/checkpoint/checkpoint.js";
import { PRESETS, presetCheckpoint } from "../../../model/sizes/presets.js";
import { chooseModel } from "../../model/choose-model.js";
import type { BenchFlags } from "./bench-flags.js";

export interface BenchModel {
  /** Its name in the results. */
  name: string;
  checkpoint: Checkpoint;
}

export function openBenchModel(
  flags: Pick<BenchFlags, "ckpt_dir" | "tokenizer_path" | "preset" | "layers">,
): BenchModel {
  const { layers } = flags;
  if (flags.preset !== undefined) {
    const asked = flags.preset.toLowerCase();
    const preset = Object.keys(PRESETS).find((one) => one.toLowerCase() === asked) ?? flags.preset;
    const name = layers === undefined ? preset : `${preset} (${plural(layers, "layer")})`;
    return { name, checkpoint: presetCheckpoint(preset, layers) };
  }
  if (layers !== undefined) throw new LlamaError("usage", "--layers needs --preset");
  const { isDemo, ...folder } = chooseModel(flags);
  const { checkpoint } = openModel(findModel(folder));
  return { name: isDemo ? "demo" : folder.ckptDir, checkpoint };
}
