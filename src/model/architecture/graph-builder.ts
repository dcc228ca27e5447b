/**
 * Builds the ONNX graph of a stage operator by operator, and lists the weights it needs. fp32 weights are graph inputs;
 * quantised weights are constants in an external file. Does not know what a transformer computes.
 */
import type { OnnxInitializer, OnnxNode, OnnxType, OnnxValue } from "../../formats/protobuf/onnx-graph.js";
import { writeOnnx } from "../../formats/protobuf/onnx-writer.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";
import type { ComputeType } from "./compute-type.js";
import { biasOf, type Matrix, matrixPart, matrixShape, type Vector, vectorLength } from "./matrices.js";
import { type QuantFormat, quantizedSize } from "./quantize.js";
import type { Part, TensorKind } from "./tensor-table.js";
import { hadamard } from "./turned-stream.js";

/** Versions of ONNX's own operators and of onnxruntime's. */
export const OPSETS = { "": 24, "com.microsoft": 1 };
/** Name of the external file of constants. */
export const CONSTANTS = "constants";
/** Constants begin at a cache line. */
const ALIGNMENT = 64;

/** A range of the constants, in bytes. */
interface Place {
  offset: number;
  length: number;
}

/** A weight of a stage, in the shape and form that the graph needs. */
export type StageWeight =
  | { kind: "vector"; vector: Vector; length: number }
  | { kind: "linear"; matrix: Matrix; rows: number; columns: number; quantized: QuantizedPlace | null };

/** Where a quantised matrix is in a stage's constants. */
interface QuantizedPlace {
  format: QuantFormat;
  packed: Place;
  scales: Place;
  /** Of the blocks, like the scales; null if they have none. */
  zeros: Place | null;
  offsets: Place | null;
}

export interface StageGraph {
  model: Uint8Array;
  weights: readonly StageWeight[];
  /** Norms and biases of a quantised stage, as floats, by the name of the vector. */
  vectors: ReadonlyMap<string, Place>;
  /** Bytes of the constants, which the model reads from the external file CONSTANTS; 0 in fp32. */
  constantBytes: number;
}

/** How the matrices of a stage are quantised (recipe.ts). */
export interface LayerRecipe {
  productsOf(matrix: Matrix): readonly Matrix[];
  formatOf(matrix: Matrix): QuantFormat;
}

/** Name of the graph input of a matrix, norm or bias, in fp32. */
export function weightName(weight: StageWeight): string {
  return weight.kind === "vector" ? weight.vector.name : weight.matrix.name;
}

/** The part a weight belongs to. */
export function weightPart(weight: StageWeight): Part {
  return weight.kind === "vector" ? weight.vector.tensors[0].part : matrixPart(weight.matrix);
}

/** Tensors are named; each method that adds one returns its name. */
export class GraphBuilder {
  readonly config: ModelConfig;
  readonly share: RankShare;
  readonly type: ComputeType;
  readonly #recipe: LayerRecipe;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #initializers: OnnxInitializer[] = [];
  readonly #weights: StageWeight[] = [];
  readonly #vectors = new Map<string, Place>();
  #constantBytes = 0;

  /** `recipe` is not used in fp32. */
  constructor(config: ModelConfig, share: RankShare, type: ComputeType, recipe: LayerRecipe) {
    this.config = config;
    this.share = share;
    this.type = type;
    this.#recipe = recipe;
  }

  input(name: string, shape: OnnxValue["shape"], type: OnnxType = "float32"): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, shape: OnnxValue["shape"], type: OnnxType = "float32"): void {
    this.#outputs.push({ name, type, shape });
  }

  /** Adds an operator with one output. */
  node(op: string, inputs: string[], to: string, attributes: OnnxNode["attributes"] = {}, domain = ""): string {
    this.#nodes.push({ op, domain, inputs, outputs: [to], attributes });
    return to;
  }

  /** Splits the last axis of a tensor. */
  split(from: string, sizes: readonly number[], to: string[]): void {
    const inputs = [from, this.integers(`${from}_sizes`, sizes)];
    this.#nodes.push({ op: "Split", inputs, outputs: to, attributes: { axis: -1 } });
  }

  integers(name: string, values: readonly number[]): string {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#initializers.push({ name, type: "int64", shape: [values.length], data });
    return name;
  }

  /** Adds a norm over the last axis: x / rms(x) * weight. */
  norm(tensor: TensorKind, x: string, to: string): string {
    const name = this.#vector({ name: tensor.meta, tensors: [tensor] });
    const epsilon = { float: this.config.normEps };
    return this.node("SimplifiedLayerNormalization", [x, name], to, { axis: -1, epsilon });
  }

  /** Adds a product: x [tokens, columns] · weight [rows, columns]ᵀ (+ the matrix's bias) (+ added), [tokens, rows]. */
  linear(matrix: Matrix, x: string, to: string, added?: string): string {
    const bias = biasOf(matrix, this.config, this.share);
    if (!bias) return this.#product(matrix, x, to, added);
    const biased = this.#product(matrix, x, added ? `${to}_biased` : to, this.#vector(bias));
    return added ? this.node("Add", [biased, added], to) : biased;
  }

  /** Adds a product (+ added: as large as the product, or a row for all tokens). */
  #product(matrix: Matrix, x: string, to: string, added?: string): string {
    if (this.type === "fp32") {
      const { name } = matrix;
      const [rows, columns] = matrixShape(matrix, this.config, this.share);
      this.#weights.push({ kind: "linear", matrix, rows, columns, quantized: null });
      this.input(name, [rows, columns]);
      return this.node("Gemm", added ? [x, name, added] : [x, name], to, { transB: 1 });
    }
    const products = this.#recipe.productsOf(matrix);
    const whole = added ? `${to}_product` : to;
    if (products.length === 1) this.#quantized(matrix, x, whole);
    else {
      const parts = products.map((part, i) => this.#quantized(part, x, `${to}_${i}`));
      this.node("Concat", parts, whole, { axis: -1 });
    }
    return added ? this.node("Add", [whole, added], to) : whole;
  }

  /** Adds a product with quantised weights. */
  #quantized(matrix: Matrix, x: string, to: string): string {
    const { name } = matrix;
    const [rows, columns] = matrixShape(matrix, this.config, this.share);
    const format = this.#recipe.formatOf(matrix);
    if (format.blockSize === "row") return this.#rows(matrix, format, x, to);
    const { blocks, blockBytes, packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
    const packed = this.#constant(`${name}.packed`, "uint8", [rows, blocks, blockBytes], packedBytes);
    const scales = this.#constant(`${name}.scales`, "float32", [rows, blocks], scaleCount * 4);
    const zeros = zeroBytes > 0 ? this.#constant(`${name}.zeros`, "uint8", [rows, zeroBytes / rows], zeroBytes) : null;
    const offsets = format.hasOffsets
      ? this.#constant(`${name}.offsets`, "float32", [rows, blocks], scaleCount * 4)
      : null;
    const quantized = { format, packed, scales, zeros, offsets };
    this.#weights.push({ kind: "linear", matrix, rows, columns, quantized });
    const input = format.inputTurn ? this.#turned(x, columns, format.inputTurn, to) : x;
    const product = this.node(
      "MatMulNBits",
      [input, `${name}.packed`, `${name}.scales`, ...(zeros ? [`${name}.zeros`] : [])],
      offsets ? `${to}_integers` : to,
      // accuracy level 4: activations in int8, by block
      { K: columns, N: rows, bits: format.bits, block_size: format.blockSize, accuracy_level: 4 },
      "com.microsoft",
    );
    return offsets ? this.#addOffsets(name, x, blocks, product, to) : product;
  }

  /**
   * Adds a product of int8 rows: each row of x is divided by its largest magnitude and rounded to
   * 8 bits with the zero point 128, and the product is multiplied by that magnitude.
   */
  #rows(matrix: Matrix, format: QuantFormat, x: string, to: string): string {
    const { name } = matrix;
    const [rows, columns] = matrixShape(matrix, this.config, this.share);
    const { packedBytes, scaleCount } = quantizedSize(rows, columns, format);
    const packed = this.#constant(`${name}.packed`, "int8", [rows, columns], packedBytes);
    const scales = this.#constant(`${name}.scales`, "float32", [rows], scaleCount * 4);
    this.#weights.push({
      ...{ kind: "linear", matrix, rows, columns },
      quantized: { format, packed, scales, zeros: null, offsets: null },
    });
    const magnitude = this.node("Abs", [x], `${to}_magnitude`);
    const axis = this.integers(`${to}_last_axis`, [-1]);
    const most = this.node("ReduceMax", [magnitude, axis], `${to}_most`, { keepdims: 1 });
    // Rows of zeros are divided by this.
    const factor = this.node("Max", [most, this.#floats(`${to}_least`, [1e-30])], `${to}_factor`);
    const divided = this.node("Div", [x, factor], `${to}_divided`);
    const step = this.#floats(`${to}_step`, [1 / 127]);
    const middle = this.#bytes(`${to}_middle`, "uint8", [], new Uint8Array([128]));
    const integers = this.node("QuantizeLinear", [divided, step, middle], `${to}_integers`);
    const zeros = this.#bytes(`${to}_zeros`, "int8", [rows], new Uint8Array(rows));
    const inputs = [integers, step, middle, `${name}.packed`, `${name}.scales`, zeros];
    const product = this.node("QGemm", inputs, `${to}_divided_product`, { transB: 1 }, "com.microsoft");
    return this.node("Mul", [product, factor], to);
  }

  /** Turns x [tokens, columns] in blocks of `width`. */
  #turned(x: string, columns: number, width: number, to: string): string {
    const matrix = hadamard(width);
    const name = this.#bytes(`hadamard_${to}`, "float32", [width, width], new Uint8Array(matrix.buffer));
    const blocks = this.node("Reshape", [x, this.integers(`${to}_block_shape`, [-1, width])], `${to}_in_blocks`);
    const turned = this.node("MatMul", [blocks, name], `${to}_turned_blocks`);
    return this.node("Reshape", [turned, this.integers(`${to}_row_shape`, [-1, columns])], `${to}_turned`);
  }

  /** A number that is part of the model. */
  #floats(name: string, [value]: [number]): string {
    return this.#bytes(name, "float32", [], new Uint8Array(Float32Array.of(value).buffer));
  }

  #bytes(name: string, type: OnnxType, shape: number[], data: Uint8Array): string {
    this.#initializers.push({ name, type, shape, data });
    return name;
  }

  /** Adds the offsets of the blocks of a matrix to a product with x: each is multiplied with the sum of the block's x. */
  #addOffsets(matrix: string, x: string, blocks: number, product: string, to: string): string {
    const shape = this.integers(`${to}_shape`, [0, blocks, -1]);
    const parts = this.node("Reshape", [x, shape], `${to}_blocks`);
    const sums = this.node("ReduceSum", [parts, this.integers(`${to}_axis`, [-1])], `${to}_sums`, { keepdims: 0 });
    return this.node("Gemm", [sums, `${matrix}.offsets`, product], to, { transB: 1 });
  }

  /** Adds a vector [length] of the share, as an input or a constant. */
  #vector(vector: Vector): string {
    const { name } = vector;
    const length = vectorLength(vector, this.config, this.share);
    this.#weights.push({ kind: "vector", vector, length });
    if (this.type === "fp32") this.input(name, [length]);
    else this.#vectors.set(name, this.#constant(name, "float32", [length], length * 4));
    return name;
  }

  build(name: string): StageGraph {
    const model = writeOnnx({
      ...{ name, opsets: OPSETS, nodes: this.#nodes, inputs: this.#inputs, outputs: this.#outputs },
      initializers: this.#initializers,
    });
    return { model, weights: this.#weights, vectors: this.#vectors, constantBytes: this.#constantBytes };
  }

  /** Adds a constant in the external file. */
  #constant(name: string, type: OnnxType, shape: number[], length: number): Place {
    const offset = this.#constantBytes;
    this.#constantBytes += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    this.#initializers.push({ name, type, shape, data: { file: CONSTANTS, offset, length } });
    return { offset, length };
  }
}
