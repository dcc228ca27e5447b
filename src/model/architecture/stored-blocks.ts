/**
 * Hands on blocks of weights as a GGUF file stores them: the same integers and scales, in the layout of onnxruntime's
 * MatMulNBits. Does not know files.
 */
import { IQ4_VALUES } from "../../formats/tensor/blocks-of-32.js";
import { BLOCK_SIZES, type BlockType, type DType } from "../../formats/tensor/stored-tensor.js";
import { halves } from "../../formats/tensor/to-float32.js";
import type { StoredFormat } from "../config/config.js";
import { NotFiniteError } from "./quantize.js";

/** Numbers of a block that is handed on. */
export const STORED_BLOCK = 32;

/** A type whose weights are an integer times a scale, and perhaps plus an offset, for 32 numbers. */
interface StorableType extends StoredFormat {
  /** What is subtracted from the file's integers; the offset then has as many scales more. */
  zero: number;
  /** Writes the 32 integers of the block at `from`, minus zero. */
  unpack(bytes: Uint8Array, from: number, integers: Int8Array): void;
}

const STORABLE: ReadonlyMap<DType, StorableType> = new Map<DType, StorableType>([
  ["Q8_0", { bits: 8, hasOffsets: false, zero: 0, unpack: (bytes, from, q) => unpackBytes(bytes, from + 2, q) }],
  ["Q4_0", { bits: 4, hasOffsets: false, zero: 8, unpack: (bytes, from, q) => unpackNibbles(bytes, from + 2, q) }],
  ["Q4_1", { bits: 4, hasOffsets: true, zero: 8, unpack: (bytes, from, q) => unpackNibbles(bytes, from + 4, q) }],
  ["Q5_0", { bits: 8, hasOffsets: false, zero: 16, unpack: (bytes, from, q) => unpackFive(bytes, from + 2, q) }],
  ["Q5_1", { bits: 8, hasOffsets: true, zero: 16, unpack: (bytes, from, q) => unpackFive(bytes, from + 4, q) }],
  ["IQ4_NL", { bits: 8, hasOffsets: false, zero: 0, unpack: (bytes, from, q) => unpackCodes(bytes, from + 2, q) }],
]);

/** The form in which tensors of these types can all be handed on; null if one of them cannot. */
export function storedFormat(types: Iterable<DType>): StoredFormat | null {
  let bits: 4 | 8 = 4;
  let hasOffsets = false;
  for (const type of types) {
    const found = STORABLE.get(type);
    if (found === undefined) return null;
    if (found.bits > bits) bits = found.bits;
    hasOffsets ||= found.hasOffsets;
  }
  return { bits, hasOffsets };
}

/** Where the blocks of some rows go. */
export interface PackedBlocks {
  /** Unsigned integers as in `quantizeRows`, [blocks, 4 * bits]. */
  packed: Uint8Array;
  /** [blocks] */
  scales: Float32Array;
  /** What is added to every weight of a block, [blocks]; null if no type has offsets. */
  offsets: Float32Array | null;
}

const integers = new Int8Array(STORED_BLOCK);

/**
 * Packs whole blocks from block `first` of `target` on. Throws a NotFiniteError, which names row 0 and the column in these
 * blocks, for a scale or offset that is NaN or infinite.
 */
export function packStored(type: DType, bytes: Uint8Array, bits: 4 | 8, target: PackedBlocks, first: number): void {
  const { zero, hasOffsets, unpack } = STORABLE.get(type)!;
  const { bytes: size } = BLOCK_SIZES[type as BlockType];
  const { packed, scales, offsets } = target;
  const half = halves();
  for (let block = first, from = 0; from < bytes.length; block++, from += size) {
    const scale = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const least = hasOffsets ? half[bytes[from + 2]! | (bytes[from + 3]! << 8)]! : 0;
    const bad = Number.isFinite(scale) ? least : scale;
    if (!Number.isFinite(bad)) throw new NotFiniteError(0, (block - first) * STORED_BLOCK, bad);
    scales[block] = scale;
    if (offsets !== null) offsets[block] = hasOffsets ? least + zero * scale : 0;
    unpack(bytes, from, integers);
    const to = block * 4 * bits;
    if (bits === 8) for (let i = 0; i < 32; i++) packed[to + i] = integers[i]! + 128;
    else for (let i = 0; i < 16; i++) packed[to + i] = (integers[2 * i]! + 8) | ((integers[2 * i + 1]! + 8) << 4);
  }
}

function unpackBytes(bytes: Uint8Array, from: number, q: Int8Array): void {
  for (let i = 0; i < 32; i++) q[i] = bytes[from + i]!;
}

function unpackNibbles(bytes: Uint8Array, from: number, q: Int8Array): void {
  for (let i = 0; i < 16; i++) {
    q[i] = (bytes[from + i]! & 15) - 8;
    q[i + 16] = (bytes[from + i]! >> 4) - 8;
  }
}

/** Four bytes have the fifth bit of each number. */
function unpackFive(bytes: Uint8Array, from: number, q: Int8Array): void {
  for (let i = 0; i < 16; i++) {
    const low = bytes[from + (i >> 3)]! >> (i & 7);
    const high = bytes[from + 2 + (i >> 3)]! >> (i & 7);
    q[i] = ((bytes[from + 4 + i]! & 15) | ((low & 1) << 4)) - 16;
    q[i + 16] = ((bytes[from + 4 + i]! >> 4) | ((high & 1) << 4)) - 16;
  }
}

function unpackCodes(bytes: Uint8Array, from: number, q: Int8Array): void {
  for (let i = 0; i < 16; i++) {
    q[i] = IQ4_VALUES[bytes[from + i]! & 15]!;
    q[i + 16] = IQ4_VALUES[bytes[from + i]! >> 4]!;
  }
}
