import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeUtf8, Utf8Decoder } from "../../src/formats/utf8.js";

const vectors = new URL("../../../../shared/data/vectors/sp32000.json", import.meta.url);
const skip = existsSync(vectors) ? false : "shared test data is not here";

function stream(bytes: Uint8Array): string {
  const decoder = new Utf8Decoder();
  return Array.from(bytes, (byte) => decoder.push(byte)).join("") + decoder.flush();
}

/** Bytes in hexadecimal, and U+FFFD written as "?". */
const CASES: [hex: string, text: string][] = [
  ["", ""],
  ["61c3a9e4b8adf09f9880", "aé中😀"],
  ["efbbbf61", "\uFEFFa"],
  ["efbfbd", "?"],
  ["80", "?"],
  ["c0af", "??"],
  ["e4b8", "??"],
  ["e4b841", "??A"],
  ["f09f98", "???"],
  ["f09f98c3a9", "???é"],
  ["e0809f", "???"],
  ["eda080", "???"],
  ["ed9fbf", "\uD7FF"],
  ["f48fbfbf", "\u{10FFFF}"],
  ["f4908080", "????"],
  ["f888808080", "?????"],
  ["c1bf", "??"],
  ["feff", "??"],
];

for (const [hex, expected] of CASES) {
  test(`decodes ${hex || "no bytes"}, whole and byte by byte`, () => {
    const bytes = Buffer.from(hex, "hex");
    const text = expected.replaceAll("?", "\uFFFD");
    assert.equal(decodeUtf8(bytes), text);
    assert.equal(stream(bytes), text);
  });
}

test("decodes every code point", () => {
  let text = "";
  for (let code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 97) {
    if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code);
  }
  assert.equal(stream(Buffer.from(text)), text);
});

test("holds a character back until it is complete", () => {
  const decoder = new Utf8Decoder();
  assert.deepEqual(
    [0xe4, 0xb8, 0xad, 0x61].map((byte) => decoder.push(byte)),
    ["", "", "中", "a"],
  );
  assert.equal(decoder.flush(), "");
});

test("gives a broken start as soon as it is known to be broken", () => {
  const decoder = new Utf8Decoder();
  assert.deepEqual(
    [0xed, 0xa0, 0xf0, 0x61].map((byte) => decoder.push(byte)),
    ["", "\uFFFD\uFFFD", "", "\uFFFDa"],
  );
});

test("silenced bytes give a character when completed and nothing when broken", () => {
  for (const [then, expected] of [
    [[0x98, 0x80], "😀"],
    [[0x61], "a"],
    [[0x98, 0x61], "\uFFFDa"],
    [[], ""],
  ] as const) {
    const decoder = new Utf8Decoder();
    decoder.push(0xf0);
    decoder.push(0x9f);
    decoder.silenceHeld();
    assert.equal(then.map((byte) => decoder.push(byte)).join("") + decoder.flush(), expected);
  }
});

test("decodes bytes as SentencePiece does", { skip }, () => {
  const { encode_bytes } = JSON.parse(readFileSync(vectors, "utf8"));
  for (const { hex, decoded } of encode_bytes) assert.equal(decodeUtf8(Buffer.from(hex, "hex")), decoded, hex);
});
