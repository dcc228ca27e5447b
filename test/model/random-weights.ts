/** Small models of every architecture, whose weights follow from the names of their tensors, as in fixtures/relatives/make.py. */
import { fixture, readJson } from "../folders.js";
import { type StoredTensor, writeHfFolder } from "./hugging-face-folder.js";

export interface RelativeModel {
  config: Record<string, unknown>;
  /** Shapes by Hugging Face's names. */
  tensors: Record<string, number[]>;
  /** Every `stride`-th logit after the first n ids, by n. */
  logits: Record<string, number[]>;
  /** What greedy decoding adds to the first `prompt` ids. */
  greedy: number[];
}

export interface Relatives {
  ids: number[];
  stride: number;
  prompt: number;
  models: Record<string, RelativeModel>;
}

export const relatives = readJson<Relatives>(fixture("relatives/expected.json"));

/** Writes a model as a Hugging Face folder, in fp32. */
export function writeRelative(dir: string, { config, tensors }: RelativeModel, changes: object = {}): string {
  const stored = Object.entries(tensors).map(([name, shape]): StoredTensor => {
    return { name, shape, data: new Uint8Array(randomWeights(name, shape).buffer) };
  });
  return writeHfFolder(dir, { ...config, ...changes }, stored, fixture("own512.model"), 1, "F32");
}

/** The numbers of a tensor, in order. */
export function randomWeights(name: string, shape: readonly number[]): Float32Array {
  const isMatrix = shape.length > 1;
  const isBias = name.endsWith(".bias");
  const offset = isMatrix || isBias ? 0 : 1;
  const range = isMatrix ? 1.5 * Math.sqrt(3 / shape[1]!) : isBias ? 0.5 : 0.3;
  const seed = [...Buffer.from(name)].reduce((value, byte) => Math.imul(value ^ byte, 0x01000193), 0x811c9dc5);
  const count = shape.reduce((a, b) => a * b);
  return Float32Array.from({ length: count }, (_, i) => {
    return offset + (mix(seed + Math.imul(i, 0x9e3779b1)) / 2 ** 31) * range;
  });
}

/** A 32-bit hash (Wellons' lowbias32), signed. */
function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
