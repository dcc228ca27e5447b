/** Writes a checkpoint of another format as a GGUF file, as llama.cpp's convert_hf_to_gguf.py does. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { ropeFrequencies } from "../../src/model/architecture/rope.js";
import { ggufName, TENSORS, tensorName } from "../../src/model/architecture/tensor-table.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { readSlice } from "../../src/model/checkpoint/read-slice.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { GGUF_ARCHITECTURES } from "../../src/model/config/gguf-architectures.js";
import { type GgufTensor, ggufBytes } from "../formats/gguf-file.js";
import { tokenizerMetadata } from "../tokenizer/gguf-tokenizers.js";

/** GGUF's name of each of Meta's tensors, for models of up to 100 layers. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.values(TENSORS).flatMap((kind) =>
    Array.from({ length: 100 }, (_, layer) => [tensorName(kind, layer), ggufName(kind, layer)] as const),
  ),
);

export type WrittenType = "F32" | "F16" | "BF16" | "Q8_0" | "Q4_0" | "Q4_1";

export interface GgufModel {
  metadata: Map<string, unknown>;
  tensors: GgufTensor[];
}

/** The model at a path in a type; vectors, and rows that are no whole blocks, stay in F32. */
export function ggufModel(path: string, vocabSize: number, type: WrittenType, architecture = "llama"): GgufModel {
  const { config, tensors } = openCheckpoint(path, vocabSize);
  const { rotation } = GGUF_ARCHITECTURES.get(architecture)!;
  const reader = new TensorReader();
  const stored = [...tensors.values()].map((tensor): GgufTensor => {
    const { name, shape } = tensor;
    const [height, width] = shape.length === 1 ? [1, shape[0]!] : (shape as [number, number]);
    const numbers = new Float32Array(height * width);
    readSlice(reader, tensor, { start: 0, end: height }, { start: 0, end: width }, numbers);
    const isReordered = /attention\.w[qk]\./.test(name) && config.rotation !== rotation;
    const ordered = isReordered ? interleaved(numbers, config.headDim, shape.length === 1 ? 1 : width) : numbers;
    return ggufTensor(NAMES.get(name)!, shape, ordered, shape.length === 1 ? "F32" : type);
  });
  reader.close();
  if (config.ropeScaling !== null) {
    const [scaled, plain] = [ropeFrequencies(config), ropeFrequencies({ ...config, ropeScaling: null })];
    const factors = plain.map((frequency, pair) => frequency / scaled[pair]!);
    stored.push(ggufTensor("rope_freqs.weight", [factors.length], factors, "F32"));
  }
  return { metadata: ggufMetadata(config, architecture), tensors: stored };
}

/** Rows of Hugging Face's wq or wk, or their biases, in the order of Meta's: pairs are neighbours. */
function interleaved(numbers: Float32Array, headDim: number, width: number): Float32Array {
  const ordered = new Float32Array(numbers.length);
  for (let row = 0; row < numbers.length / width; row++) {
    const inHead = row % headDim;
    const from = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2);
    ordered.set(numbers.subarray(from * width, (from + 1) * width), row * width);
  }
  return ordered;
}

export function ggufTensor(
  name: string,
  shape: readonly number[],
  numbers: Float32Array,
  asked: WrittenType,
): GgufTensor {
  const type = asked.startsWith("Q") && shape.at(-1)! % 32 !== 0 ? "F32" : asked;
  return { name, type, shape, data: encode(numbers, type) };
}

function ggufMetadata(config: ModelConfig, architecture: string): Map<string, unknown> {
  const window = config.windows.find((one) => one !== null);
  const keys: Record<string, unknown> = {
    block_count: config.nLayers,
    context_length: 2048,
    embedding_length: config.dim,
    feed_forward_length: config.ffnDim,
    "attention.head_count": config.nHeads,
    "attention.head_count_kv": config.nKvHeads,
    "rope.freq_base": { type: "float32", value: config.ropeTheta },
    "attention.layer_norm_rms_epsilon": { type: "float32", value: config.normEps },
    vocab_size: config.vocabSize,
    "rope.dimension_count": config.headDim,
    ...(config.headDim !== config.dim / config.nHeads && {
      ...{ "attention.key_length": config.headDim, "attention.value_length": config.headDim },
    }),
    ...(window !== undefined && {
      "attention.sliding_window": window,
      "attention.sliding_window_pattern": config.windows.map((one) => one !== null),
    }),
  };
  return new Map<string, unknown>([
    ["general.architecture", architecture],
    ["general.type", "model"],
    ["general.name", "Mini"],
    ["general.file_type", 0],
    ...Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value] as const),
  ]);
}

/** Writes a folder with the model, whose metadata has the tokenizer of a file; it is in one file, or in parts as llama-gguf-split makes them. */
export function writeGgufFolder(
  dir: string,
  { metadata, tensors }: GgufModel,
  tokenizer: string | null,
  parts = 1,
): string {
  mkdirSync(dir, { recursive: true });
  if (tokenizer !== null) metadata = new Map([...metadata, ...tokenizerMetadata(tokenizer)]);
  if (parts === 1) writeFileSync(join(dir, "model.gguf"), ggufBytes(metadata, tensors));
  for (let i = 0; parts > 1 && i < parts; i++) {
    const split: [string, unknown][] = [
      ["split.no", { type: "uint16", value: i }],
      ["split.count", { type: "uint16", value: parts }],
      ["split.tensors.count", { type: "int32", value: tensors.length }],
    ];
    const part = tensors.filter((_, index) => index % parts === i);
    writeFileSync(join(dir, partName(i, parts)), ggufBytes([...(i === 0 ? metadata : []), ...split], part));
  }
  return dir;
}

export function partName(index: number, parts: number): string {
  return `model-0000${index + 1}-of-0000${parts}.gguf`;
}

function encode(numbers: Float32Array, type: WrittenType): Uint8Array {
  if (type === "F32") return new Uint8Array(numbers.slice().buffer);
  if (type === "F16") return new Uint8Array(Uint16Array.from(numbers, half).buffer);
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  if (type === "BF16") return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
  const blocks: number[] = [];
  for (let at = 0; at < numbers.length; at += 32) {
    const block = numbers.subarray(at, at + 32);
    if (type === "Q4_1") {
      blocks.push(...encodeQ4_1(block));
      continue;
    }
    const largest = block.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
    const [most, zero] = type === "Q8_0" ? [127, 0] : [-8, 8];
    const d = half(largest / most);
    const scale = floatOf(d);
    const q = [...block].map((value) => {
      const rounded = scale === 0 ? 0 : Math.round(value / scale);
      return type === "Q8_0" ? Math.min(127, Math.max(-128, rounded)) : Math.min(15, Math.max(0, rounded + zero));
    });
    const packed = type === "Q8_0" ? q : q.slice(0, 16).map((low, i) => low | (q[i + 16]! << 4));
    blocks.push(d & 255, d >> 8, ...packed.map((byte) => byte & 255));
  }
  return Uint8Array.from(blocks);
}

function encodeQ4_1(block: Float32Array): number[] {
  const [d, m] = [half((Math.max(...block) - Math.min(...block)) / 15), half(Math.min(...block))];
  const q = [...block].map((value) => Math.min(15, Math.max(0, Math.round((value - floatOf(m)) / floatOf(d)))));
  return [d & 255, d >> 8, m & 255, m >> 8, ...q.slice(0, 16).map((low, i) => low | (q[i + 16]! << 4))];
}

/** The nearest fp16 of a number below 65504. */
export function half(value: number): number {
  const size = Math.abs(value);
  const sign = value < 0 ? 0x8000 : 0;
  if (size === 0) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  return sign | (((exponent + 15) << 10) + Math.round((size / 2 ** exponent - 1) * 1024));
}

function floatOf(half: number): number {
  const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -size : size;
}
