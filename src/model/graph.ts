/**
 * The transformer as ONNX graphs, cut where shares of the model must be summed and where attention needs the cache.
 * Weights are graph inputs in fp32 and constants where they are quantised; the graphs know shapes, not layers or threads.
 */
import {
  ONNX_TYPE,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxType,
  type OnnxValue,
  writeOnnx,
} from "../formats/onnx.js";
import { type ComputeType, isCacheHalf } from "./compute-type.js";
import type { ModelConfig } from "./config.js";
import { LINEARS, type Linear, linearShape, NORMS, type Part, quantFormat } from "./linear.js";
import type { RankShare } from "./partition.js";
import { type QuantFormat, quantizedSize } from "./quantize.js";

/** ONNX's own operators, and those of onnxruntime. */
export const OPSETS = { "": 24, "com.microsoft": 1 };
/** Constants begin at cache lines. */
const ALIGNMENT = 64;

/** A weight of a segment as the graph wants it. */
export type SegmentWeight =
  | { kind: "norm"; part: Part; name: string }
  | { kind: "linear"; part: Part; linear: Linear; rows: number; columns: number; quantized: QuantizedPlace | null };

/** Where a quantised matrix lies in the bytes of a segment's constants. */
export interface QuantizedPlace {
  format: QuantFormat;
  packed: { offset: number; length: number };
  scales: { offset: number; length: number };
}

export interface Segment {
  model: Uint8Array;
  weights: readonly SegmentWeight[];
  /** Norms of a quantised segment, [dim] floats each, by name. */
  norms: ReadonlyMap<string, { offset: number; length: number }>;
  /** Bytes of the constants, which the model looks for in the external file CONSTANTS; 0 in fp32. */
  constantBytes: number;
}

/** Name of the external file of constants. */
export const CONSTANTS = "constants";

/** Name of a matrix's or norm's graph input in fp32. */
export function weightName(weight: SegmentWeight): string {
  return weight.kind === "norm" ? weight.name : weight.linear.name;
}

/** Builds parts that run without a stop in between. `residual` adds the incoming stream; without it a partial sum comes out. */
export function buildSegment(
  config: ModelConfig,
  share: RankShare,
  parts: readonly Part[],
  residual: boolean,
  type: ComputeType,
): Segment {
  const { dim, headDim, normEps } = config;
  const qWidth = (share.qHeads.end - share.qHeads.start) * headDim;
  const kvWidth = (share.kvHeads.end - share.kvHeads.start) * headDim;
  const ffnWidth = share.ffn.end - share.ffn.start;
  const vocabWidth = share.vocab.end - share.vocab.start;

  const nodes: OnnxNode[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const initializers: OnnxInitializer[] = [];
  const weights: SegmentWeight[] = [];
  const norms = new Map<string, { offset: number; length: number }>();
  let constantBytes = 0;

  const value = (name: string, ...shape: (number | string)[]): OnnxValue => ({ name, type: "float32", shape });
  const node = (op: string, from: string[], to: string, attributes?: OnnxNode["attributes"], domain = ""): string => {
    nodes.push({ op, domain, inputs: from, outputs: [to], ...(attributes && { attributes }) });
    return to;
  };
  /** A constant in the external file; returns its place. */
  const constant = (name: string, constantType: OnnxType, shape: number[], length: number) => {
    const offset = constantBytes;
    constantBytes += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    initializers.push({ name, type: constantType, shape, data: { file: CONSTANTS, offset, length } });
    return { offset, length };
  };
  const integers = (name: string, values: readonly number[]): string => {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    initializers.push({ name, type: "int64", shape: [values.length], data });
    return name;
  };
  const norm = (part: Part, x: string, to: string): string => {
    const name = NORMS[part]!;
    weights.push({ kind: "norm", part, name });
    if (type === "fp32") inputs.push(value(name, dim));
    else norms.set(name, constant(name, "float32", [dim], dim * 4));
    return node("SimplifiedLayerNormalization", [x, name], to, { axis: -1, epsilon: { float: normEps } });
  };
  /** x · weightᵀ (+ added) */
  const linear = (part: Part, matrix: Linear, x: string, to: string, added?: string): string => {
    const { name } = matrix;
    const [rows, columns] = linearShape(matrix, config, share);
    if (type === "fp32") {
      weights.push({ kind: "linear", part, linear: matrix, rows, columns, quantized: null });
      inputs.push(value(name, rows, columns));
      return node("Gemm", added ? [x, name, added] : [x, name], to, { transB: 1 });
    }
    const format = quantFormat(matrix, config, type);
    const { blocks, blockBytes, packedBytes, scaleCount } = quantizedSize(rows, columns, format);
    const packed = constant(`${name}.packed`, "uint8", [rows, blocks, blockBytes], packedBytes);
    const scales = constant(`${name}.scales`, "float32", [rows, blocks], scaleCount * 4);
    weights.push({ kind: "linear", part, linear: matrix, rows, columns, quantized: { format, packed, scales } });
    const product = node(
      "MatMulNBits",
      [x, `${name}.packed`, `${name}.scales`],
      added ? `${to}_product` : to,
      // accuracy level 4: activations in int8, by block
      { K: columns, N: rows, bits: format.bits, block_size: format.blockSize, accuracy_level: 4 },
      "com.microsoft",
    );
    return added ? node("Add", [product, added], to) : product;
  };
  const split = (from: string, sizes: readonly number[], to: string[]): void => {
    nodes.push({
      op: "Split",
      inputs: [from, integers(`${from}_sizes`, sizes)],
      outputs: to,
      attributes: { axis: -1 },
    });
  };

  // A part that only projects the heads' output (no residual) never sees the stream itself.
  let stream = "h";
  if (residual || parts[0] !== "wo") inputs.push(value("h", "tokens", dim));
  for (const part of parts) {
    if (part === "qkv") {
      const qkv = linear(part, LINEARS.qkv[0], norm(part, stream, "attention_in"), "qkv");
      const isHalf = isCacheHalf(type);
      split(qkv, [qWidth, kvWidth, kvWidth], ["q_flat", "k_flat", isHalf ? "v_full" : "v"]);
      inputs.push(
        { name: "position_ids", type: "int64", shape: [1, "tokens"] },
        value("cos", "positions", headDim / 2),
        value("sin", "positions", headDim / 2),
      );
      integers("axis0", [0]);
      for (const [name, width] of [["q", qWidth] as const, ["k", kvWidth] as const]) {
        const isRounded = name === "k" && isHalf;
        node("Unsqueeze", [`${name}_flat`, "axis0"], `${name}_in`);
        // interleaved: Meta rotates neighbouring pairs (x[2j], x[2j+1])
        const rotated = node(
          "RotaryEmbedding",
          [`${name}_in`, "position_ids", "cos", "sin"],
          isRounded ? "k_full" : name,
          { interleaved: 1, num_heads: width / headDim },
          "com.microsoft",
        );
        if (isRounded) node("Cast", [rotated], "k", { to: ONNX_TYPE.float16 });
        outputs.push({ name, type: isRounded ? "float16" : "float32", shape: [1, "tokens", width] });
      }
      if (isHalf) node("Cast", ["v_full"], "v", { to: ONNX_TYPE.float16 });
      outputs.push({ name: "v", type: isHalf ? "float16" : "float32", shape: ["tokens", kvWidth] });
    } else if (part === "wo") {
      inputs.push(value("attended", "tokens", qWidth));
      const [wo] = LINEARS.wo;
      stream = linear(part, wo, "attended", residual ? "h_attention" : "partial", residual ? stream : undefined);
    } else if (part === "ffn") {
      const [w13, w2] = LINEARS.ffn;
      split(linear(part, w13, norm(part, stream, "ffn_in"), "gate_up"), [ffnWidth, ffnWidth], ["gate", "up"]);
      const silu = node("Mul", ["gate", node("Sigmoid", ["gate"], "gate_sigmoid")], "gate_silu");
      const hidden = node("Mul", [silu, "up"], "ffn_hidden");
      stream = linear(part, w2, hidden, residual ? "h_out" : "partial", residual ? stream : undefined);
    } else {
      outputs.push(value(linear(part, LINEARS.head[0], norm(part, stream, "normed"), "logits"), "tokens", vocabWidth));
    }
  }
  if (stream !== "h") outputs.push(value(stream, "tokens", dim));
  return {
    model: writeOnnx({ name: parts.join("_"), nodes, inputs, outputs, initializers, opsets: OPSETS }),
    weights,
    norms,
    constantBytes,
  };
}
