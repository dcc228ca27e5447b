/**
 * The transformer as ONNX graphs, cut where shares of the model must be summed and where attention needs the cache.
 * Weights are graph inputs in the layout of Meta's files ([out, in]); the graphs know shapes, not layers or threads.
 */
import { type OnnxNode, type OnnxValue, writeOnnx } from "../formats/onnx.js";
import type { ModelConfig } from "./config.js";
import type { RankShare } from "./partition.js";

/**
 * Pieces of a layer, in the order of the forward pass (Meta's model.py, TransformerBlock):
 * - qkv: attention_norm, wq wk wv, rotary embedding of q and k
 * - wo: the output projection of attention
 * - ffn: ffn_norm, w2(silu(w1 x) * w3 x)
 * - head: norm and the output projection to logits
 */
export type Part = "qkv" | "wo" | "ffn" | "head";

export interface Segment {
  model: Uint8Array;
  /** Graph inputs that are weights, by part, named as the last words of Meta's tensor names. */
  weights: readonly string[];
}

/** Weights each part needs, without `.weight`. */
const WEIGHTS: Readonly<Record<Part, readonly string[]>> = {
  qkv: ["attention_norm", "attention.wq", "attention.wk", "attention.wv"],
  wo: ["attention.wo"],
  ffn: ["ffn_norm", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3"],
  head: ["norm", "output"],
};

const OPSETS = { "": 24, "com.microsoft": 1 };

/** Builds parts that run without a stop in between. `residual` adds the incoming stream; without it a partial sum comes out. */
export function buildSegment(
  config: ModelConfig,
  share: RankShare,
  parts: readonly Part[],
  residual: boolean,
): Segment {
  const { dim, headDim, normEps } = config;
  const qWidth = (share.qHeads.end - share.qHeads.start) * headDim;
  const kvWidth = (share.kvHeads.end - share.kvHeads.start) * headDim;
  const ffnWidth = share.ffn.end - share.ffn.start;
  const vocabWidth = share.vocab.end - share.vocab.start;
  const sizes: Record<string, readonly number[]> = {
    attention_norm: [dim],
    "attention.wq": [qWidth, dim],
    "attention.wk": [kvWidth, dim],
    "attention.wv": [kvWidth, dim],
    "attention.wo": [dim, qWidth],
    ffn_norm: [dim],
    "feed_forward.w1": [ffnWidth, dim],
    "feed_forward.w2": [dim, ffnWidth],
    "feed_forward.w3": [ffnWidth, dim],
    norm: [dim],
    output: [vocabWidth, dim],
  };

  const nodes: OnnxNode[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const weights = parts.flatMap((part) => WEIGHTS[part]);
  const value = (name: string, ...shape: (number | string)[]): OnnxValue => ({ name, type: "float32", shape });
  const node = (op: string, from: string[], to: string, attributes?: OnnxNode["attributes"], domain = ""): string => {
    nodes.push({ op, domain, inputs: from, outputs: [to], ...(attributes && { attributes }) });
    return to;
  };
  const norm = (x: string, weight: string, to: string): string =>
    node("SimplifiedLayerNormalization", [x, weight], to, { axis: -1, epsilon: { float: normEps } });
  /** x · weightᵀ (+ added) */
  const linear = (x: string, weight: string, to: string, added?: string): string =>
    node("Gemm", added ? [x, weight, added] : [x, weight], to, { transB: 1 });

  // A part that only projects the heads' output (no residual) never sees the stream itself.
  let stream = "h";
  if (residual || parts[0] !== "wo") inputs.push(value("h", "tokens", dim));
  for (const part of parts) {
    if (part === "qkv") {
      const x = norm(stream, "attention_norm", "attention_in");
      inputs.push(
        { name: "position_ids", type: "int64", shape: [1, "tokens"] },
        value("cos", "positions", headDim / 2),
        value("sin", "positions", headDim / 2),
      );
      for (const [name, width] of [["q", qWidth] as const, ["k", kvWidth] as const]) {
        const flat = linear(x, `attention.w${name}`, `${name}_flat`);
        node("Unsqueeze", [flat, "axis0"], `${name}_in`);
        // interleaved: Meta rotates neighbouring pairs (x[2j], x[2j+1])
        node(
          "RotaryEmbedding",
          [`${name}_in`, "position_ids", "cos", "sin"],
          name,
          { interleaved: 1, num_heads: width / headDim },
          "com.microsoft",
        );
        outputs.push(value(name, 1, "tokens", width));
      }
      outputs.push(value(linear(x, "attention.wv", "v"), "tokens", kvWidth));
    } else if (part === "wo") {
      inputs.push(value("attended", "tokens", qWidth));
      stream = linear("attended", "attention.wo", residual ? "h_attention" : "partial", residual ? stream : undefined);
    } else if (part === "ffn") {
      const x = norm(stream, "ffn_norm", "ffn_in");
      const gate = linear(x, "feed_forward.w1", "gate");
      const silu = node("Mul", [gate, node("Sigmoid", [gate], "gate_sigmoid")], "gate_silu");
      const hidden = node("Mul", [silu, linear(x, "feed_forward.w3", "up")], "ffn_hidden");
      stream = linear(hidden, "feed_forward.w2", residual ? "h_out" : "partial", residual ? stream : undefined);
    } else {
      outputs.push(value(linear(norm(stream, "norm", "normed"), "output", "logits"), "tokens", vocabWidth));
    }
  }
  if (stream !== "h") outputs.push(value(stream, "tokens", dim));

  for (const name of weights) inputs.push(value(name, ...sizes[name]!));
  const initializers = parts.includes("qkv")
    ? [{ name: "axis0", type: "int64" as const, shape: [1], data: new Uint8Array(8) }]
    : [];
  return {
    model: writeOnnx({ name: parts.join("_"), nodes, inputs, outputs, initializers, opsets: OPSETS }),
    weights,
  };
}

/**
 * Grouped-query attention of one sequence over its cache: q [1, n, q heads * headDim]; k, v [1, past + n, kv heads * headDim].
 * With `nonpad_kv_seqlen` the causal mask aligns the last query with the last key (ONNX opset 24).
 */
export function buildAttention(config: ModelConfig, share: RankShare): Uint8Array {
  const qHeads = share.qHeads.end - share.qHeads.start;
  const kvHeads = share.kvHeads.end - share.kvHeads.start;
  const value = (name: string, length: string, heads: number): OnnxValue => ({
    name,
    type: "float32",
    shape: [1, length, heads * config.headDim],
  });
  return writeOnnx({
    name: "attention",
    opsets: OPSETS,
    initializers: [],
    nodes: [
      {
        op: "Attention",
        inputs: ["q", "k", "v", "", "", "", "length"],
        outputs: ["attended"],
        attributes: { is_causal: 1, q_num_heads: qHeads, kv_num_heads: kvHeads },
      },
    ],
    inputs: [
      value("q", "queries", qHeads),
      value("k", "keys", kvHeads),
      value("v", "keys", kvHeads),
      { name: "length", type: "int64", shape: [1] },
    ],
    outputs: [value("attended", "queries", qHeads)],
  });
}
