import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeUtf8, Utf8Decoder } from "../../src/formats/files/utf8.js";

const vectors = new URL("../../../../shared/data/vectors/sp32000.json", import.meta.url);
const skip = existsSync(vectors) ? false : "the shared test data is missing";

function stream(bytes: Uint8Array): string {
  const decoder = new Utf8Decoder();
  return Array.from(bytes, (byte) => decoder.push(byte)).join("") + decoder.flush();
}

/** Bytes in hexadecimal, and their text with U+FFFD written as "?". */
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
  test(`decodes ${hex || "no bytes"} at once and byte by byte`, () => {
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

test("returns U+FFFD as soon as a character is known to be invalid", () => {
  const decoder = new Utf8Decoder();
  assert.deepEqual(
    [0xed, 0xa0, 0xf0, 0x61].map((byte) => decoder.push(byte)),
    ["", "\uFFFD\uFFFD", "", "\uFFFDa"],
  );
});

test("silenced bytes decode to a character if it is completed, and to nothing if it is invalid", () => {
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

test("decodes a maximal subpart to one U+FFFD, as TextDecoder does", () => {
  let seed = 1;
  const byte = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    // Lead and continuation bytes, so that there are complete and invalid characters.
    return [0x41, 0x80 + (seed >>> 26), 0xc0 + (seed >>> 26), 0xe0 + (seed >>> 27)][(seed >>> 8) & 3]!;
  };
  const reference = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: round % 12 }, byte);
    const decoder = new Utf8Decoder("maximal subpart");
    const text = Array.from(bytes, (value) => decoder.push(value)).join("") + decoder.flush();
    assert.equal(text, reference.decode(bytes), Buffer.from(bytes).toString("hex"));
  }
});

test("returns nothing for an invalid character that began in silenced bytes", () => {
  const decoder = new Utf8Decoder("maximal subpart");
  decoder.push(0xe4);
  decoder.silenceHeld();
  assert.equal(decoder.push(0xb8) + decoder.push(0x41), "A");
  decoder.push(0xe4);
  decoder.silenceHeld();
  assert.equal(decoder.push(0xb8) + decoder.push(0xad), "中");
});
