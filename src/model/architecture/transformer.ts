/**
 * Builds the transformer as ONNX graphs, one for each stage (Meta's model.py, TransformerBlock).
 * Does not know the order of the stages, or threads.
 */

import { lengthOf } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";
import type { ComputeType, QuantType } from "./compute-type.js";
import { GraphBuilder, type StageGraph } from "./graph-builder.js";
import { MATRICES, type Matrix, matrixPart } from "./matrices.js";
import { productsOf, quantFormat } from "./recipe.js";
import { layerOf, type Stage } from "./step-plan.js";
import { TENSORS } from "./tensor-table.js";

/** Builds the graph of a stage: parts that run without interruption on the residual stream h [tokens, dim]. */
export function buildStage(config: ModelConfig, share: RankShare, stage: Stage, type: ComputeType): StageGraph {
  const { name, parts, inputs, addsToStream } = stage;
  const layer = (matrix: Matrix) => layerOf(stage, matrixPart(matrix));
  const graph = new GraphBuilder(config, share, type, {
    productsOf: (matrix) => productsOf(matrix, layer(matrix), config, type),
    formatOf: (matrix) => quantFormat(matrix, layer(matrix), config, type as QuantType),
  });
  let stream = "h";
  if (inputs.includes("h")) graph.input("h", ["tokens", config.dim]);
  for (const { part } of parts) {
    if (part === "qkv") addQkv(graph, stream, inputs.includes("rotary"));
    else if (part === "wo") stream = addWo(graph, addsToStream ? stream : undefined);
    else if (part === "ffn") stream = addFeedForward(graph, stream, addsToStream);
    else if (part === "head") addHead(graph, stream);
    else throw new RangeError(`no stage has the part ${part}`);
  }
  if (stream !== "h") graph.output(stream, ["tokens", config.dim]);
  return graph.build(name.replaceAll(" ", "_"));
}

/** h -> q [1, tokens, q heads * headDim], k [1, tokens, KV heads * headDim], v [tokens, KV heads * headDim]; q and k are rotated by position, in most models. */
function addQkv(graph: GraphBuilder, h: string, isRotated: boolean): void {
  const { headDim, headNorms, rotation } = graph.config;
  const qWidth = lengthOf(graph.share.qHeads) * headDim;
  const kvWidth = lengthOf(graph.share.kvHeads) * headDim;
  const qkv = graph.linear(MATRICES.wqkv, graph.norm(TENSORS.attentionNorm, h, "attention_in"), "qkv");
  graph.split(qkv, [qWidth, kvWidth, kvWidth], ["q_flat", "k_flat", "v"]);
  if (isRotated) {
    graph.input("position_ids", [1, "tokens"], "int64");
    graph.input("cos", ["positions", headDim / 2]);
    graph.input("sin", ["positions", headDim / 2]);
  }
  if (headNorms) graph.integers("rows_of_heads", [-1, headDim]);
  else graph.integers("axis0", [0]);
  for (const [name, width] of [["q", qWidth] as const, ["k", kvWidth] as const]) {
    const before = isRotated ? `${name}_in` : name;
    if (headNorms) {
      const heads = graph.node("Reshape", [`${name}_flat`, "rows_of_heads"], `${name}_heads`); // [tokens * heads, headDim]
      const normed = graph.norm(name === "q" ? TENSORS.qNorm : TENSORS.kNorm, heads, `${name}_normed`);
      graph.node("Reshape", [normed, graph.integers(`${name}_shape`, [1, -1, width])], before);
    } else graph.node("Unsqueeze", [`${name}_flat`, "axis0"], before);
    if (isRotated) {
      const attributes = { interleaved: rotation === "interleaved" ? 1 : 0, num_heads: width / headDim };
      graph.node("RotaryEmbedding", [before, "position_ids", "cos", "sin"], name, attributes, "com.microsoft");
    }
    graph.output(name, [1, "tokens", width]);
  }
  graph.output("v", ["tokens", kvWidth]);
}

/** attended [tokens, q heads * headDim] -> [tokens, dim]. */
function addWo(graph: GraphBuilder, h: string | undefined): string {
  const attended = graph.input("attended", ["tokens", lengthOf(graph.share.qHeads) * graph.config.headDim]);
  return graph.linear(MATRICES.wo, attended, h ? "h_attention" : "partial", h);
}

/** w2(silu(w1 x) * w3 x), where x is h after its norm. */
function addFeedForward(graph: GraphBuilder, h: string, addsToStream: boolean): string {
  const width = lengthOf(graph.share.ffn);
  const both = graph.linear(MATRICES.w13, graph.norm(TENSORS.ffnNorm, h, "ffn_in"), "gate_up"); // [tokens, 2 * width]
  graph.split(both, [width, width], ["gate", "up"]);
  const silu = graph.node("Mul", ["gate", graph.node("Sigmoid", ["gate"], "gate_sigmoid")], "gate_silu");
  const hidden = graph.node("Mul", [silu, "up"], "ffn_hidden");
  return graph.linear(MATRICES.w2, hidden, addsToStream ? "h_out" : "partial", addsToStream ? h : undefined);
}

/** h -> logits [tokens, rows of the vocabulary]. */
function addHead(graph: GraphBuilder, h: string): void {
  const logits = graph.linear(MATRICES.output, graph.norm(TENSORS.norm, h, "normed"), "logits");
  graph.output(logits, ["tokens", lengthOf(graph.share.vocab)]);
}
