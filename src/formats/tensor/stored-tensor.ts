/** What a checkpoint file says about a tensor before any of its numbers is read: plain data that can cross threads. */

/** Element types of weights on disk. */
export type DType = "fp16" | "bf16" | "fp32" | "fp64";

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = { fp16: 2, bf16: 2, fp32: 4, fp64: 8 };

/** Where the bytes of one storage lie. */
export interface StorageLocation {
  file: string;
  /** Byte offset in the file (of the compressed bytes when deflated). */
  offset: number;
  /** Bytes of the storage (uncompressed). */
  byteLength: number;
  /** Bytes of the deflate stream; absent when the storage is stored plainly. */
  deflatedLength?: number;
  /** CRC-32 of the storage, where the container has it. */
  crc32?: number;
}

/** A named view into a storage, as torch describes it. */
export interface StoredTensor {
  name: string;
  dtype: DType;
  shape: readonly number[];
  /** Elements to the next index, one per axis. */
  strides: readonly number[];
  /** Elements before the first one. */
  storageOffset: number;
  storage: StorageLocation;
}

/** Names stand in messages and tables; Meta's longest has 50 characters. */
const MAX_NAME = 256;

/** Whether a key of a file can name a tensor: control characters would break the messages and tables that show it. */
export function isTensorName(key: string): boolean {
  return key.length > 0 && key.length <= MAX_NAME && !/\p{C}/u.test(key);
}
