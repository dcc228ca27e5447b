/** Reads bytes of storages out of checkpoint files, with bounded memory: plain or deflated, their checksums followed. Knows storages; not tensors. */
import { LlamaError } from "../../error.js";
import { type ByteSource, openFile, readBytes } from "../files/byte-source.js";
import { crc32, isCrcFast } from "../files/crc32.js";
import { inflate } from "../files/inflate.js";
import type { StorageLocation } from "./stored-tensor.js";

/** Bytes of one read at most: large enough to keep a disk busy, small beside any model. */
export const MAX_READ = 4 * 1024 * 1024;

export class StorageReader {
  readonly #onBytes: ((bytes: number) => void) | undefined;
  readonly #files = new Map<string, ByteSource>();
  #buffer: Uint8Array | undefined;
  /** The last inflated storage: tensors that share one come one after another. */
  #inflated: { storage: StorageLocation; bytes: Uint8Array } | undefined;
  /** The storage whose bytes are being read in order from its start: its checksum so far, and where it goes on. */
  #followed: { storage: StorageLocation; next: number; crc: number } | undefined;

  /** `onBytes` is told the bytes of each read from disk. */
  constructor(onBytes?: (bytes: number) => void) {
    this.#onBytes = onBytes;
  }

  /**
   * At most MAX_READ bytes of a storage (all of one that is deflated); valid until the next call. Where `isFullTensor` says
   * that all of it may come, in order, its checksum is looked at on the way. `name` is that of the tensor, for errors.
   */
  read(name: string, storage: StorageLocation, offset: number, length: number, isFullTensor: boolean): Uint8Array {
    if (offset + length > storage.byteLength) throw new RangeError(`read outside a storage of ${storage.file}`);
    if (storage.deflatedLength !== undefined) return this.#inflate(name, storage).subarray(offset, offset + length);
    this.#buffer ??= new Uint8Array(MAX_READ);
    const bytes = this.#buffer.subarray(0, length);
    this.#open(storage.file).readInto(bytes, storage.offset + offset);
    this.#onBytes?.(length);
    if (isFullTensor && storage.crc32 !== undefined && isCrcFast) this.#follow(name, storage, offset, bytes);
    return bytes;
  }

  /** Closes all files; the reader opens them again when it is used again. */
  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
    this.#buffer = undefined;
    this.#inflated = undefined;
    this.#followed = undefined;
  }

  /** A storage that is read whole, in order, is checked on the way. */
  #follow(name: string, storage: StorageLocation, offset: number, bytes: Uint8Array): void {
    const last = this.#followed;
    const goesOn = last !== undefined && last.next === offset && isSame(last.storage, storage);
    if (!goesOn && offset !== 0) {
      this.#followed = undefined;
      return;
    }
    const crc = crc32(bytes, goesOn ? last.crc : 0);
    const next = offset + bytes.byteLength;
    this.#followed = { storage, next, crc };
    if (next === storage.byteLength) checkCrc(name, storage, crc);
  }

  #inflate(name: string, storage: StorageLocation): Uint8Array {
    const last = this.#inflated;
    if (last !== undefined && isSame(last.storage, storage)) return last.bytes;
    // Let go of the last one first, so that two are never in memory.
    this.#inflated = undefined;
    const deflated = readBytes(this.#open(storage.file), storage.offset, storage.deflatedLength!);
    this.#onBytes?.(deflated.byteLength);
    const bytes = inflate(deflated, storage.byteLength, storage.file);
    checkCrc(name, storage, crc32(bytes));
    this.#inflated = { storage, bytes };
    return bytes;
  }

  #open(path: string): ByteSource {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = openFile(path);
      this.#files.set(path, file);
    }
    return file;
  }
}

function isSame(a: StorageLocation, b: StorageLocation): boolean {
  return a.file === b.file && a.offset === b.offset;
}

function checkCrc(name: string, storage: StorageLocation, found: number): void {
  if (storage.crc32 === undefined || storage.crc32 === found) return;
  throw new LlamaError("model", "checksum (CRC-32) of its bytes does not match", {
    where: `${storage.file}: ${name}`,
    expected: hex(storage.crc32),
    found: hex(found),
    fix: "The file is damaged: copy or download it again",
  });
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
