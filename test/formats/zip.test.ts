import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { LlamaError } from "../../src/error.js";
import { listZip, readZipEntry } from "../../src/formats/checkpoint/zip.js";
import { crc32 } from "../../src/formats/files/crc32.js";
import { bufferSource, makeZip } from "./sample-files.js";

const files = { "a/x": Buffer.from("hello"), "a/y": Buffer.from("") };

function refuses(zip: Uint8Array, pattern: RegExp): void {
  assert.throws(
    () => listZip(bufferSource(zip)),
    (error) => error instanceof LlamaError && error.kind === "model" && pattern.test(error.message),
  );
}

test("entries are found and their content read", () => {
  const source = bufferSource(makeZip(files));
  const entries = listZip(source);
  assert.deepEqual([...entries.keys()], ["a/x", "a/y"]);
  assert.equal(Buffer.from(readZipEntry(source, entries.get("a/x")!, 5)).toString(), "hello");
  assert.equal(readZipEntry(source, entries.get("a/y")!, 5).length, 0);
  assert.throws(() => readZipEntry(source, entries.get("a/x")!, 4), /too large.*at most 4 bytes/);
});

test("a deflated entry inflates to no more than its declared size", () => {
  const text = Buffer.from("llama ".repeat(50));
  const zipOf = (size: number) =>
    makeZip({ "a/x": deflateRawSync(text) }, (header) => {
      header.writeUInt16LE(8, 10);
      header.writeUInt32LE(crc32(text), 16);
      header.writeUInt32LE(size, 24);
    });
  const read = (size: number) => {
    const source = bufferSource(zipOf(size));
    return readZipEntry(source, listZip(source).get("a/x")!, 1000);
  };
  assert.deepEqual(Buffer.from(read(text.length)), text);
  assert.throws(() => read(text.length - 1), LlamaError);
  assert.throws(() => read(text.length + 1), LlamaError);
  refuses(zipOf(0x7fffffff), /cannot be 2147483647 bytes/);
});

test("damaged content is an error", () => {
  const zip = makeZip(files);
  zip[zip.indexOf("hello")] = 0x48;
  const source = bufferSource(zip);
  assert.throws(() => readZipEntry(source, listZip(source).get("a/x")!, 5), /CRC-32/);
});

test("each kind of damaged or unsupported directory is named in the error", () => {
  const zip = makeZip(files);
  refuses(zip.subarray(0, zip.length - 5), /is truncated/);
  refuses(zip.subarray(3), /directory is not where it should be/);
  const changes: [(header: Buffer) => void, RegExp][] = [
    [(header) => header.writeUInt16LE(1, 8), /encrypted/],
    [(header) => header.writeUInt16LE(12, 10), /unknown compression method.*found 12/],
    [(header) => header.writeUInt16LE(3, 34), /split archives/],
    [(header) => header.writeUInt32LE(0x7fffffff, 42), /offset is outside/],
    [(header) => header.writeUInt32LE(1, 42), /no entry at its offset/],
    [(header) => header.writeUInt32LE(0xffffffff, 20), /zip64 size is missing/],
    [(header) => header.writeUInt32LE(9, 20), /cannot be/],
    [(header) => header.writeUInt32LE(header.writeUInt32LE(9999, 20) && 9999, 24), /beyond the data of the file/],
    [(header) => header.writeUInt16LE(500, 30), /directory is truncated/],
    [(header) => header.writeUInt32LE(0), /is missing/],
  ];
  for (const [change, pattern] of changes) refuses(makeZip(files, change), pattern);
});

test("an entry must have the same name in both headers, and no two entries may share a name", () => {
  const renamed = makeZip(files);
  renamed.write("b", renamed.indexOf("a/x"));
  refuses(renamed, /another name in its own header: b\/x/);
  const twice = makeZip(files);
  for (let at = twice.indexOf("a/y"); at >= 0; at = twice.indexOf("a/y")) twice.write("a/x", at);
  refuses(twice, /two entries have the same name/);
});

test("an archive with any byte changed, or cut at any byte, causes no other kind of error", () => {
  const zip = makeZip(files);
  for (let at = 0; at < zip.length; at++) {
    for (const bytes of [zip.subarray(0, at), Buffer.from(zip).fill(0xff, at, at + 1)]) {
      try {
        const source = bufferSource(bytes);
        for (const entry of listZip(source).values()) readZipEntry(source, entry, 100);
      } catch (error) {
        assert.ok(error instanceof LlamaError, `byte ${at}: ${error}`);
      }
    }
  }
});
