/** What each of several equal hosts would hold of a model, for `inspect --nnodes`. Does not print. */
import { resolveKvType } from "../../../engine/attention/resolve-kv-type.js";
import { STEP_TOKENS } from "../../../engine/host/engine-options.js";
import { resolveSetup } from "../../../generation/loading/open-model.js";
import type { ComputeType } from "../../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../../model/checkpoint/checkpoint.js";
import { cutLayers } from "../../../model/sizes/cut-layers.js";

/** The rows of one type, a host each, in the order of their ranks. `memory`: bytes that each has. */
export function stageNeeds(checkpoint: Checkpoint, dtype: ComputeType, nnodes: number, tokens: number, memory: number) {
  const { config } = checkpoint;
  const { worldSize } = resolveSetup(checkpoint, { dtype });
  const nodes = Array.from({ length: nnodes }, (_, rank) => ({
    name: `node ${rank}`,
    worldSize,
    memory,
    bandwidth: 1,
  }));
  const kvType = resolveKvType("auto", dtype, config);
  const setup = { dtype, kvType, maxSeqLen: tokens, stepTokens: STEP_TOKENS };
  return cutLayers(config, nodes, setup, { force: true }).map(({ layers, weights, token, total, positions }, node) => ({
    dtype,
    node,
    world_size: worldSize,
    /** the first and the last of its layers; the last node in this sense is 0, which has the head */
    first_layer: layers.start,
    last_layer: layers.end - 1,
    weight_bytes: weights,
    kv_bytes_per_1000_tokens: token * 1000,
    /** weights, a context of max_seq_len, and working memory */
    total_bytes: total,
    /** of all requests together that it has memory for */
    kv_tokens: positions,
    fits: total <= memory,
  }));
}
