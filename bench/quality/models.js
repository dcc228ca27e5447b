/** Opens the models whose quality is measured, and makes copies of them with other numbers. Does not compute. */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { MATRICES } from "../../dist/src/model/architecture/matrices.js";
import { tensorTable } from "../../dist/src/model/architecture/tensor-table.js";
import { openWeights } from "../../dist/src/model/checkpoint/weight-source.js";
import { byteLength, TYPES } from "../peer/blocks.js";

/** A seeded generator of numbers from -0.5 to 0.5 (mulberry32). */
function noise(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  };
}

/**
 * The checkpoint with every Q4_1 weight moved at random within its step, in a file of floats: the published numbers are on a grid
 * of 16 values for 32 weights, and types with the same blocks would look better than they are.
 */
export function withoutGrid(checkpoint, file) {
  const random = noise(1);
  return rewritten(checkpoint, file, "fp32", (source, { name, shape, pieces }, values) => {
    const [height, width] = shape;
    const whole = [name, { start: 0, end: height }, { start: 0, end: width }];
    source.read(...whole, values);
    if (pieces[0].entry.dtype !== "Q4_1") return values;
    const count = values.length / 32;
    const blocks = {
      packed: new Uint8Array(count * 16),
      scales: new Float32Array(count),
      offsets: new Float32Array(count),
    };
    source.readStored(...whole, 4, blocks);
    for (let i = 0; i < values.length; i++) values[i] += random() * blocks.scales[i >> 5];
    return values;
  });
}

/** The checkpoint as a GGUF file of a type would have it: the same blocks, handed on as they are. The output matrix is Q8_0. */
export function asType(checkpoint, file, type) {
  const stored = (name) => (name === "output" ? "Q8_0" : type);
  const formats = Object.values(MATRICES).map(({ name }) => {
    return [name, { bits: stored(name) === "Q4_0" ? 4 : 8, hasOffsets: false }];
  });
  const made = rewritten(checkpoint, file, type, (source, { name, shape }, values) => {
    const [height, width] = shape;
    source.read(name, { start: 0, end: height }, { start: 0, end: width }, values);
    const kind = name === "output.weight" ? "Q8_0" : type;
    const bytes = new Uint8Array(height * byteLength(kind, width));
    TYPES[kind].encode(values, bytes);
    return bytes;
  });
  return { ...made, config: { ...checkpoint.config, storedBlocks: Object.fromEntries(formats) } };
}

/** Writes every matrix but the embedding to a file as `convert` gives it. */
function rewritten(checkpoint, file, type, convert) {
  const source = openWeights(checkpoint);
  const descriptor = openSync(file, "w");
  const tensors = new Map(checkpoint.tensors);
  let offset = 0;
  for (const { name, kind, shape } of tensorTable(checkpoint.config)) {
    if (shape.length === 1 || kind.part === "embed") continue;
    const tensor = checkpoint.tensors.get(name);
    const converted = convert(source, tensor, new Float32Array(shape[0] * shape[1]));
    const bytes = new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength);
    const dtype = type !== "fp32" && name === "output.weight" ? "Q8_0" : type;
    const storage = { file, offset, byteLength: bytes.length };
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    offset += bytes.length;
    const entry = { name, dtype, shape, strides: [shape[1], 1], storageOffset: 0, storage };
    tensors.set(name, { name, shape, axis: null, pieces: [{ start: 0, end: shape[0], entry }] });
  }
  closeSync(descriptor);
  source.close();
  // The numbers of the file are no longer in its own blocks.
  const { storedBlocks: _, ...config } = checkpoint.config;
  return { ...checkpoint, config, tensors };
}

/** A path in a folder for the copy of a name. */
export function copyPath(folder, ...words) {
  return join(folder, words.join("-").replaceAll(/\W+/g, "-"));
}
