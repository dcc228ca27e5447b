/** Builds grouped-query attention over a KV cache as an ONNX graph without weights. Does not know layers or sequences. */
import { ONNX_TYPE, type OnnxNode, type OnnxValue } from "../../formats/protobuf/onnx-graph.js";
import { writeOnnx } from "../../formats/protobuf/onnx-writer.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";
import { OPSETS } from "./graph-builder.js";

/** Numbers of a cached row that are widened from fp16 at once: for a few hundred tokens they fit the core's own cache. */
const GROUP_WIDTH = 512;

/**
 * Number of KV heads in each group of a share's KV cache. fp32 has one group; fp16 is widened group by group, so that
 * the widened numbers stay in the core's cache.
 */
export function cacheGroups({ headDim }: ModelConfig, { kvHeads }: RankShare, half: boolean): number[] {
  const count = kvHeads.end - kvHeads.start;
  const size = half ? Math.max(1, Math.floor(GROUP_WIDTH / headDim)) : count;
  return Array.from({ length: Math.ceil(count / size) }, (_, group) => Math.min(size, count - group * size));
}

/**
 * Attention of one sequence: q [1, n, q heads * headDim] -> attended, the same shape. Each group g of KV heads has inputs
 * kg, vg [1, keys, heads * headDim]. Causal: with `length` = keys, the last query is aligned with the last key (ONNX
 * Attention, opset 24, nonpad_kv_seqlen). Masked: `mask` [n, keys] is added to the scores of every head.
 */
export function buildAttention(
  config: ModelConfig,
  share: RankShare,
  half: boolean,
  kind: "causal" | "masked" = "causal",
): Uint8Array {
  const { headDim } = config;
  const groups = cacheGroups(config, share, half);
  const qHeads = share.qHeads.end - share.qHeads.start;
  // A share has part of one KV head's queries, or whole groups of queries: every KV head has the same number of them.
  const ratio = qHeads / (share.kvHeads.end - share.kvHeads.start);
  const nodes: OnnxNode[] = [];
  const inputs: OnnxValue[] = [
    { name: "q", type: "float32", shape: [1, "queries", qHeads * headDim] },
    kind === "causal"
      ? { name: "length", type: "int64", shape: [1] }
      : { name: "mask", type: "float32", shape: ["queries", "keys"] },
  ];
  const isDivided = groups.length > 1;
  const sizes = new Uint8Array(BigInt64Array.from(groups, (heads) => BigInt(heads * ratio * headDim)).buffer);
  if (isDivided) {
    nodes.push({
      op: "Split",
      inputs: ["q", "sizes"],
      outputs: groups.map((_, g) => `q${g}`),
      attributes: { axis: 2 },
    });
  }
  for (const [g, heads] of groups.entries()) {
    for (const name of [`k${g}`, `v${g}`]) {
      inputs.push({ name, type: half ? "float16" : "float32", shape: [1, "keys", heads * headDim] });
      if (half)
        nodes.push({ op: "Cast", inputs: [name], outputs: [`${name}_wide`], attributes: { to: ONNX_TYPE.float32 } });
    }
    const wide = half ? "_wide" : "";
    const operands = [isDivided ? `q${g}` : "q", `k${g}${wide}`, `v${g}${wide}`];
    nodes.push({
      op: "Attention",
      inputs: kind === "causal" ? [...operands, "", "", "", "length"] : [...operands, "mask"],
      outputs: [isDivided ? `attended${g}` : "attended"],
      attributes: { is_causal: kind === "causal" ? 1 : 0, q_num_heads: heads * ratio, kv_num_heads: heads },
    });
  }
  if (isDivided) {
    const parts = groups.map((_, g) => `attended${g}`);
    nodes.push({ op: "Concat", inputs: parts, outputs: ["attended"], attributes: { axis: 2 } });
  }
  return writeOnnx({
    name: "attention",
    opsets: OPSETS,
    initializers: isDivided ? [{ name: "sizes", type: "int64", shape: [groups.length], data: sizes }] : [],
    nodes,
    inputs,
    outputs: [{ name: "attended", type: "float32", shape: [1, "queries", qHeads * headDim] }],
  });
}
