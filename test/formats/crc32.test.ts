import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, crc32ByTables } from "../../src/formats/files/crc32.js";

test("CRC-32 has the published check values, with and without zlib", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ];
  for (const [text, expected] of cases) {
    assert.equal(crc32(Buffer.from(text)), expected);
    assert.equal(crc32ByTables(Buffer.from(text)), expected);
  }
});

test("the tables continue a CRC from any place", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 89) & 0xff);
  const whole = crc32ByTables(bytes);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.equal(crc32ByTables(bytes.subarray(cut), crc32ByTables(bytes.subarray(0, cut))), whole);
  }
  assert.equal(crc32(bytes), whole);
});
