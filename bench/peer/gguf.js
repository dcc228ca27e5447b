/** Writes a GGUF v3 file: metadata, a table of tensors, then their bytes. Does not know what they mean. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { byteLength, TYPES } from "./blocks.js";

const ALIGNMENT = 32;
const VERSION = 3;
/** Number types by name: their id in the file, their size and how they are written. */
const SCALARS = {
  u32: { id: 4, size: 4, put: (buffer, value) => buffer.writeUInt32LE(value) },
  i32: { id: 5, size: 4, put: (buffer, value) => buffer.writeInt32LE(value) },
  f32: { id: 6, size: 4, put: (buffer, value) => buffer.writeFloatLE(value) },
  bool: { id: 7, size: 1, put: (buffer, value) => buffer.writeUInt8(value ? 1 : 0) },
};
const STRING = 8;
const ARRAY = 9;

/**
 * @typedef {object} GgufTensor
 * @property {string} name
 * @property {number[]} shape rows before columns; the file lists them in reverse order
 * @property {keyof typeof TYPES} type
 * @property {() => Iterable<Uint8Array>} chunks its bytes in order, read once; each chunk is valid until the next
 */

/**
 * The file appears at its path only when it is complete.
 * @param {string} path
 * @param {[key: string, type: string, value: unknown][]} metadata an array as value is written as an array
 * @param {GgufTensor[]} tensors
 */
export function writeGguf(path, metadata, tensors) {
  const part = `${path}.${process.pid}.part`;
  const file = openSync(part, "w");
  try {
    let at = writeAll(file, header(metadata, tensors));
    at += pad(file, at);
    for (const { name, shape, type, chunks } of tensors) {
      let written = 0;
      for (const chunk of chunks()) written += writeAll(file, chunk);
      const expected = tensorBytes({ shape, type });
      if (written !== expected) throw new Error(`${name} has ${written} bytes instead of ${expected}`);
      at += written;
      at += pad(file, at);
    }
    closeSync(file);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** Bytes of a tensor in the file. */
export function tensorBytes({ shape, type }) {
  const rows = shape.length === 1 ? 1 : shape[0];
  return rows * byteLength(type, shape.at(-1));
}

function header(metadata, tensors) {
  const out = [Buffer.from("GGUF"), scalar("u32", VERSION), u64(tensors.length), u64(metadata.length)];
  for (const [key, type, value] of metadata) out.push(string(key), ...typed(type, value));
  let offset = 0;
  for (const tensor of tensors) {
    const sizes = [...tensor.shape].reverse();
    out.push(string(tensor.name), scalar("u32", sizes.length), ...sizes.map(u64));
    out.push(scalar("u32", TYPES[tensor.type].id), u64(offset));
    offset += aligned(tensorBytes(tensor));
  }
  return Buffer.concat(out);
}

function typed(type, value) {
  const id = type === "string" ? STRING : SCALARS[type].id;
  const one = type === "string" ? string : (item) => scalar(type, item);
  if (!Array.isArray(value)) return [scalar("u32", id), one(value)];
  return [scalar("u32", ARRAY), scalar("u32", id), u64(value.length), ...value.map(one)];
}

function scalar(type, value) {
  const { size, put } = SCALARS[type];
  const buffer = Buffer.alloc(size);
  put(buffer, value);
  return buffer;
}

function u64(value) {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function string(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function aligned(length) {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function pad(file, at) {
  return writeAll(file, Buffer.alloc(aligned(at) - at));
}

function writeAll(file, bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  return bytes.length;
}
