/** Reads bytes of storages from checkpoint files, plain or deflated, with bounded memory, and checks their CRCs. Does not know tensors. */
import { LlamaError } from "../../error.js";
import { type ByteSource, openFile, readBytes } from "../files/byte-source.js";
import { crc32 } from "../files/crc32.js";
import { inflate } from "../files/inflate.js";
import type { StorageLocation } from "./stored-tensor.js";

/** Maximum bytes of one read: large enough to keep a disk busy, small compared with any model. */
export const MAX_READ = 4 * 1024 * 1024;

export class StorageReader {
  readonly #onBytes: ((bytes: number) => void) | undefined;
  readonly #files = new Map<string, ByteSource>();
  #buffer: Uint8Array | undefined;
  /** The last inflated storage: tensors that share a storage are read one after another. */
  #inflated: { storage: StorageLocation; bytes: Uint8Array } | undefined;
  /** The storage whose bytes are being read in order from its start: its CRC so far, and the next offset. */
  #partialCrc: { storage: StorageLocation; next: number; crc: number } | undefined;

  /** Calls `onBytes` with the bytes of each read from disk. */
  constructor(onBytes?: (bytes: number) => void) {
    this.#onBytes = onBytes;
  }

  /**
   * At most MAX_READ bytes of a storage (no limit if it is deflated); valid until the next call. `isFullTensor` says that
   * the whole storage may be read in order; its CRC is then checked at its end. `name` is the tensor's name, for errors.
   */
  read(name: string, storage: StorageLocation, offset: number, length: number, isFullTensor: boolean): Uint8Array {
    if (offset + length > storage.byteLength) throw new RangeError(`read outside a storage of ${storage.file}`);
    if (storage.deflatedLength !== undefined) return this.#inflate(name, storage).subarray(offset, offset + length);
    this.#buffer ??= new Uint8Array(MAX_READ);
    const bytes = this.#buffer.subarray(0, length);
    this.#open(storage.file).readInto(bytes, storage.offset + offset);
    this.#onBytes?.(length);
    if (isFullTensor && storage.crc32 !== undefined) this.#updateCrc(name, storage, offset, bytes);
    return bytes;
  }

  /** Closes all files; the next read opens them again. */
  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
    this.#buffer = undefined;
    this.#inflated = undefined;
    this.#partialCrc = undefined;
  }

  /** Updates the CRC of a storage that is read in order; checks it at the end of the storage. */
  #updateCrc(name: string, storage: StorageLocation, offset: number, bytes: Uint8Array): void {
    const last = this.#partialCrc;
    const continues = last !== undefined && last.next === offset && isSame(last.storage, storage);
    if (!continues && offset !== 0) {
      this.#partialCrc = undefined;
      return;
    }
    const crc = crc32(bytes, continues ? last.crc : 0);
    const next = offset + bytes.byteLength;
    this.#partialCrc = { storage, next, crc };
    if (next === storage.byteLength) checkCrc(name, storage, crc);
  }

  #inflate(name: string, storage: StorageLocation): Uint8Array {
    const last = this.#inflated;
    if (last !== undefined && isSame(last.storage, storage)) return last.bytes;
    // Release the last one first, so that two are never in memory at once.
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
  throw new LlamaError("model", "checksum (CRC-32) does not match", {
    where: `${storage.file}: ${name}`,
    expected: hex(storage.crc32),
    found: hex(found),
    fix: "The file is damaged: copy or download it again",
  });
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
