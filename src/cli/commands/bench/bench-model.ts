/** Opens the model to measure: a folder, a preset with random weights, or the demo model. Does not load weights. */

import { LlamaError } from "../../../error.js";
import { plural } from "../../../formats/files/amounts.js";
import { findModel, openModel } from "../../../generation/loading/open-model.js";
import type { Checkpoint } from "../../../model/checkpoint/checkpoint.js";
import { fingerprint } from "../../../model/checkpoint/fingerprint.js";
import { PRESETS, presetCheckpoint } from "../../../model/sizes/presets.js";
import { chooseModel } from "../../model/choose-model.js";
import type { NodeModel } from "../../model/node-facts.js";
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

/** The model as several hosts hold it. Throws LlamaError (usage) for more than one setup: the hosts load their layers once. */
export function benchNodeModel(flags: BenchFlags): NodeModel {
  const { dtype, nproc_per_node, threads = [], kv_dtype: kvDtype, preset, layers } = flags;
  for (const [option, values] of Object.entries({ dtype, nproc_per_node, threads })) {
    if (values.length > 1) {
      const found = values.join(",");
      throw new LlamaError("usage", "--nnodes measures one setup", {
        where: `--${option}`,
        expected: "one value",
        found,
      });
    }
  }
  const [threadsPerRank] = threads;
  const options = {
    ckptDir: "",
    ...{ dtype: dtype[0]!, nprocPerNode: nproc_per_node[0]!, kvDtype, force: flags.force ?? false },
    ...(threadsPerRank !== undefined && { threadsPerRank }),
    ...(flags.no_cache && { cacheDir: null }),
    ...{ cpuBind: flags.cpu_bind, rankTimeoutMs: flags.rank_timeout * 1000 },
  };
  if (preset !== undefined) {
    const { checkpoint } = openBenchModel(flags);
    const random = `random ${preset} ${layers ?? "whole"}`.toLowerCase();
    return { checkpoint, fingerprint: random, options, close: async () => {} };
  }
  const { isDemo: _, ...folder } = chooseModel(flags);
  const { checkpoint, tokenizer, files, encoder } = openModel(findModel(folder));
  const contents = { path: files.tokenizerPath, vocabulary: tokenizer.vocabulary };
  return { checkpoint, fingerprint: fingerprint(checkpoint, contents), options, close: () => encoder.close() };
}
