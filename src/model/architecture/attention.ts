/** Builds grouped-query attention as an ONNX graph without weights. Does not know layers, sequences or the KV cache. */
import { writeOnnx } from "../../formats/protobuf/onnx-writer.js";
import { OPSETS } from "./graph-builder.js";

/**
 * Attention of one sequence: q [1, q heads, n, headDim], already divided by the root of headDim; k and v [1, KV heads, keys,
 * headDim] -> attended, shaped like q. Causal: with `length` = keys, the last query is aligned with the last key (ONNX
 * Attention, opset 24, nonpad_kv_seqlen). Masked: `mask` [n, keys] is added to the scores of every head.
 */
export function buildAttention(headDim: number, kind: "causal" | "masked"): Uint8Array {
  const isCausal = kind === "causal";
  return writeOnnx({
    name: "attention",
    opsets: OPSETS,
    initializers: [],
    nodes: [
      {
        op: "Attention",
        inputs: isCausal ? ["q", "k", "v", "", "", "", "length"] : ["q", "k", "v", "mask"],
        outputs: ["attended"],
        attributes: { is_causal: isCausal ? 1 : 0, scale: { float: 1 } },
      },
    ],
    inputs: [
      { name: "q", type: "float32", shape: [1, "q_heads", "queries", headDim] },
      { name: "k", type: "float32", shape: [1, "kv_heads", "keys", headDim] },
      { name: "v", type: "float32", shape: [1, "kv_heads", "keys", headDim] },
      isCausal
        ? { name: "length", type: "int64", shape: [1] }
        : { name: "mask", type: "float32", shape: ["queries", "keys"] },
    ],
    outputs: [{ name: "attended", type: "float32", shape: [1, "q_heads", "queries", headDim] }],
  });
}
