/**
 * Builds the transformer as ONNX graphs, one for each stage (Meta's model.py, TransformerBlock). A stage ends where ranks
 * must be summed and where attention needs the KV cache. Does not know layers or threads.
 */

import { ONNX_TYPE } from "../../formats/protobuf/onnx-graph.js";
import { lengthOf } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";
import { type ComputeType, isCacheHalf } from "./compute-type.js";
import { GraphBuilder, type StageGraph } from "./graph-builder.js";
import { MATRICES, type Part } from "./matrices.js";

/**
 * Builds the graph of a stage: parts that run without interruption on the residual stream h [tokens, dim]. With `residual`,
 * a part adds its result to the stream; without it, its output is a partial product that must be summed over ranks.
 */
export function buildStage(
  config: ModelConfig,
  share: RankShare,
  parts: readonly Part[],
  residual: boolean,
  type: ComputeType,
): StageGraph {
  const graph = new GraphBuilder(config, share, type);
  let stream = "h";
  // A part that only projects the heads' output (no residual) does not use the stream.
  if (residual || parts[0] !== "wo") graph.input("h", ["tokens", config.dim]);
  for (const part of parts) {
    if (part === "qkv") addQkv(graph, stream);
    else if (part === "wo") stream = addWo(graph, residual ? stream : undefined);
    else if (part === "ffn") stream = addFeedForward(graph, stream, residual);
    else addHead(graph, stream);
  }
  if (stream !== "h") graph.output(stream, ["tokens", config.dim]);
  return graph.build(parts.join("_"));
}

/** h -> q [1, tokens, q heads * headDim], k [1, tokens, KV heads * headDim], v [tokens, KV heads * headDim]; q and k are rotated by position. */
function addQkv(graph: GraphBuilder, h: string): void {
  const { headDim, rotation } = graph.config;
  const qWidth = lengthOf(graph.share.qHeads) * headDim;
  const kvWidth = lengthOf(graph.share.kvHeads) * headDim;
  const isHalf = isCacheHalf(graph.type);
  const qkv = graph.linear("qkv", MATRICES.qkv[0], graph.norm("qkv", h, "attention_in"), "qkv");
  graph.split(qkv, [qWidth, kvWidth, kvWidth], ["q_flat", "k_flat", isHalf ? "v_full" : "v"]);
  graph.input("position_ids", [1, "tokens"], "int64");
  graph.input("cos", ["positions", headDim / 2]);
  graph.input("sin", ["positions", headDim / 2]);
  graph.integers("axis0", [0]);
  for (const [name, width] of [["q", qWidth] as const, ["k", kvWidth] as const]) {
    const isRounded = name === "k" && isHalf;
    const rotary = [graph.node("Unsqueeze", [`${name}_flat`, "axis0"], `${name}_in`), "position_ids", "cos", "sin"];
    const attributes = { interleaved: rotation === "interleaved" ? 1 : 0, num_heads: width / headDim };
    graph.node("RotaryEmbedding", rotary, isRounded ? "k_full" : name, attributes, "com.microsoft");
    if (isRounded) graph.node("Cast", ["k_full"], "k", { to: ONNX_TYPE.float16 });
    graph.output(name, [1, "tokens", width], isRounded ? "float16" : "float32");
  }
  if (isHalf) graph.node("Cast", ["v_full"], "v", { to: ONNX_TYPE.float16 });
  graph.output("v", ["tokens", kvWidth], isHalf ? "float16" : "float32");
}

/** attended [tokens, q heads * headDim] -> [tokens, dim]. */
function addWo(graph: GraphBuilder, h: string | undefined): string {
  const attended = graph.input("attended", ["tokens", lengthOf(graph.share.qHeads) * graph.config.headDim]);
  return graph.linear("wo", MATRICES.wo[0], attended, h ? "h_attention" : "partial", h);
}

/** w2(silu(w1 x) * w3 x), where x is h after its norm. */
function addFeedForward(graph: GraphBuilder, h: string, residual: boolean): string {
  const width = lengthOf(graph.share.ffn);
  const [w13, w2] = MATRICES.ffn;
  const both = graph.linear("ffn", w13, graph.norm("ffn", h, "ffn_in"), "gate_up"); // [tokens, 2 * width]
  graph.split(both, [width, width], ["gate", "up"]);
  const silu = graph.node("Mul", ["gate", graph.node("Sigmoid", ["gate"], "gate_sigmoid")], "gate_silu");
  const hidden = graph.node("Mul", [silu, "up"], "ffn_hidden");
  return graph.linear("ffn", w2, hidden, residual ? "h_out" : "partial", residual ? h : undefined);
}

/** h -> logits [tokens, rows of the vocabulary]. */
function addHead(graph: GraphBuilder, h: string): void {
  const logits = graph.linear("head", MATRICES.head[0], graph.norm("head", h, "normed"), "logits");
  graph.output(logits, ["tokens", lengthOf(graph.share.vocab)]);
}
