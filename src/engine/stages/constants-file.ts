/**
 * A file of the constants of stages, one after another, each followed by its CRC-32. Does not know sessions.
 * Stages whose constants the runtime would store unaligned are kept in the weight cache like this.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "../../formats/files/crc32.js";

const CRC_BYTES = 4;

export class ConstantsFile {
  readonly #path: string;
  readonly #fd: number;

  private constructor(path: string, flags: "wx" | "r") {
    this.#path = path;
    this.#fd = openSync(path, flags);
  }

  /** A new file to append to. Throws the error of node:fs. */
  static create(path: string): ConstantsFile {
    return new ConstantsFile(path, "wx");
  }

  static open(path: string): ConstantsFile {
    return new ConstantsFile(path, "r");
  }

  append(bytes: Uint8Array): void {
    const crc = Buffer.alloc(CRC_BYTES);
    crc.writeUInt32LE(crc32(bytes));
    for (const part of [bytes, crc]) {
      let done = 0;
      while (done < part.byteLength) done += writeSync(this.#fd, part, done);
    }
  }

  /** The constants that were appended next; `length` is their number of bytes. Throws an Error if they are cut or changed. */
  next(length: number): Buffer {
    // Not from Node's pool: the runtime copies or keeps the whole buffer.
    const bytes = Buffer.from(new ArrayBuffer(length + CRC_BYTES));
    let done = 0;
    while (done < bytes.length) {
      const got = readSync(this.#fd, bytes, done, bytes.length - done, null);
      if (got === 0) throw new Error(`${this.#path} ends too early`);
      done += got;
    }
    const constants = bytes.subarray(0, length);
    if (bytes.readUInt32LE(length) !== crc32(constants)) throw new Error(`${this.#path} was changed`);
    return constants;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
