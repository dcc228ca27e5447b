/** The description of a tensor in a checkpoint file: name, type, shape and where its bytes are. Plain data that can be sent to other threads. */

import type { LlamaError } from "../../error.js";

/** Element types of weights on disk that are stored one by one. */
export type FloatType = "fp16" | "bf16" | "fp32" | "fp64";
/** Types of GGUF that store blocks of numbers along a row, with common scales; spelled as GGUF's tools do. */
export type BlockType =
  | ("Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0" | "IQ4_NL")
  | ("Q2_K" | "Q3_K" | "Q4_K" | "Q5_K" | "Q6_K" | "IQ4_XS");
export type DType = FloatType | BlockType;

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<FloatType, number>> = { fp16: 2, bf16: 2, fp32: 4, fp64: 8 };

/** Numbers and bytes of one block. */
export interface BlockSize {
  numbers: number;
  bytes: number;
}

/** The block types (ggml-common.h); all have 32 or 256 numbers in a block. */
export const BLOCK_SIZES: Readonly<Record<BlockType, BlockSize>> = {
  Q4_0: { numbers: 32, bytes: 18 },
  Q4_1: { numbers: 32, bytes: 20 },
  Q5_0: { numbers: 32, bytes: 22 },
  Q5_1: { numbers: 32, bytes: 24 },
  Q8_0: { numbers: 32, bytes: 34 },
  IQ4_NL: { numbers: 32, bytes: 18 },
  Q2_K: { numbers: 256, bytes: 84 },
  Q3_K: { numbers: 256, bytes: 110 },
  Q4_K: { numbers: 256, bytes: 144 },
  Q5_K: { numbers: 256, bytes: 176 },
  Q6_K: { numbers: 256, bytes: 210 },
  IQ4_XS: { numbers: 256, bytes: 136 },
};

export function isBlockType(dtype: DType): dtype is BlockType {
  return dtype in BLOCK_SIZES;
}

/** Bytes of `count` numbers, whole blocks of them. */
export function byteLength(dtype: DType, count: number): number {
  if (!isBlockType(dtype)) return count * ELEMENT_BYTES[dtype];
  const { numbers, bytes } = BLOCK_SIZES[dtype];
  return (count / numbers) * bytes;
}

/** Where the bytes of one storage are. */
export interface StorageLocation {
  file: string;
  /** Byte offset in the file (of the compressed bytes when deflated). */
  offset: number;
  /** Bytes of the storage (uncompressed). */
  byteLength: number;
  /** Bytes of the deflate stream; absent if the storage is not compressed. */
  deflatedLength?: number;
  /** CRC-32 of the storage, if the container has one. */
  crc32?: number;
}

/** A named view of a storage, as torch describes it. */
export interface StoredTensor {
  name: string;
  dtype: DType;
  shape: readonly number[];
  /** Distance in elements to the next index, one per axis. */
  strides: readonly number[];
  /** Elements of the storage before the first one of the tensor. */
  storageOffset: number;
  storage: StorageLocation;
}

/** Entries of a file that cannot be read, by name: the error if one is needed. A model may have others beside its weights. */
export type UnreadTensors = Map<string, LlamaError>;

/** Names are shown in messages and tables; Meta's longest has 50 characters. */
const MAX_NAME = 256;

/** Whether a key of a file is a valid tensor name: control characters would break the messages and tables that show it. */
export function isTensorName(key: string): boolean {
  return key.length > 0 && key.length <= MAX_NAME && !/\p{C}/u.test(key);
}
