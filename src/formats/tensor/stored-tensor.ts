/** The description of a tensor in a checkpoint file: name, type, shape and where its bytes are. Plain data that can be sent to other threads. */

/** Element types of weights on disk. */
export type DType = "fp16" | "bf16" | "fp32" | "fp64";

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = { fp16: 2, bf16: 2, fp32: 4, fp64: 8 };

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

/** Names are shown in messages and tables; Meta's longest has 50 characters. */
const MAX_NAME = 256;

/** Whether a key of a file is a valid tensor name: control characters would break the messages and tables that show it. */
export function isTensorName(key: string): boolean {
  return key.length > 0 && key.length <= MAX_NAME && !/\p{C}/u.test(key);
}
