/** Paths of the files for these tests, and functions that make and read small ones. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import type { ByteSource } from "../../src/formats/files/byte-source.js";
import { crc32 } from "../../src/formats/files/crc32.js";
import type { StoredTensor } from "../../src/formats/tensor/stored-tensor.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";

export const FIXTURES = fileURLToPath(new URL("../../../test/fixtures/", import.meta.url));
const SHARED = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));

/** A path in the larger test data, which may not exist: pass the second value as `skip`. */
export function sharedPath(path: string): [path: string, skip: string | false] {
  const full = join(SHARED, path);
  return [full, existsSync(full) ? false : `no test data at ../shared/data/${path}`];
}

/** Writes a file that is removed after the tests of this process. */
export function temporaryFile(name: string, bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

export function bufferSource(bytes: Uint8Array): ByteSource {
  return {
    name: "buffer",
    size: bytes.byteLength,
    readInto: (target, offset) => target.set(bytes.subarray(offset, offset + target.byteLength)),
    close() {},
  };
}

/** All numbers of a tensor of at most two axes. */
export function readAll(entry: StoredTensor): Float32Array {
  const [height, width] = [entry.shape.at(-2) ?? 1, entry.shape.at(-1) ?? 1];
  const out = new Float32Array(height * width);
  const reader = new TensorReader();
  try {
    reader.readRegion(entry, { start: 0, end: height }, { start: 0, end: width }, out);
  } finally {
    reader.close();
  }
  return out;
}

/** A zip of stored entries; `change` may damage a central header (46 bytes) before it is written. */
export function makeZip(files: Record<string, Uint8Array>, change?: (header: Buffer, name: string) => void): Buffer {
  const bodies: Buffer[] = [];
  const headers: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(files)) {
    const nameBytes = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(nameBytes.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50);
    central.writeUInt32LE(crc32(data), 16);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt32LE(data.length, 24);
    central.writeUInt16LE(nameBytes.length, 28);
    central.writeUInt32LE(offset, 42);
    change?.(central, name);
    bodies.push(local, nameBytes, Buffer.from(data));
    headers.push(central, nameBytes);
    offset += local.length + nameBytes.length + data.length;
  }
  const directory = Buffer.concat(headers);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(headers.length / 2, 8);
  end.writeUInt16LE(headers.length / 2, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, directory, end]);
}
