import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, crc32ByTable } from "../../src/formats/files/crc32.js";

test("CRC-32 has the published check values, with and without zlib", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ];
  for (const [text, expected] of cases) {
    assert.equal(crc32(Buffer.from(text)), expected);
    assert.equal(crc32ByTable(Buffer.from(text)), expected);
  }
});
