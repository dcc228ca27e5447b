import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeText } from "../../src/formats/files/text.js";
import { firstInvalid } from "../../src/formats/files/utf8.js";
import { Dice } from "../fuzz/dice.js";

const TEXT = "Once upon a time, café 猫 🐱\n";
const bytesOf = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding);
const bigEndian = (text: string) => bytesOf(text, "utf16le").swap16();

test("text in UTF-8 is decoded, without a byte order mark at its beginning", () => {
  assert.equal(decodeText(bytesOf(TEXT, "utf8"), "it"), TEXT);
  assert.equal(decodeText(bytesOf(`\ufeff${TEXT}`, "utf8"), "it"), TEXT);
  assert.equal(decodeText(bytesOf(`a\ufeff${TEXT}`, "utf8"), "it"), `a\ufeff${TEXT}`);
  assert.equal(decodeText(new Uint8Array(), "it"), "");
  // A part of a larger buffer.
  assert.equal(decodeText(bytesOf(`xx${TEXT}yy`, "utf8").subarray(2, -2), "it"), TEXT);
});

test("anything else is refused, with what it is and what to do", () => {
  const cases: readonly [Uint8Array, string][] = [
    [bytesOf(`\ufeff${TEXT}`, "utf16le"), "it: is UTF-16, not UTF-8. Convert it: iconv -f UTF-16 -t UTF-8"],
    [bigEndian(`\ufeff${TEXT}`), "it: is UTF-16, not UTF-8. Convert it: iconv -f UTF-16 -t UTF-8"],
    [bytesOf(TEXT, "utf16le"), "it: is UTF-16LE, not UTF-8. Convert it: iconv -f UTF-16LE -t UTF-8"],
    [bigEndian(TEXT), "it: is UTF-16BE, not UTF-8. Convert it: iconv -f UTF-16BE -t UTF-8"],
    [Buffer.from([0xff, 0xfe, 0, 0, 0x41, 0, 0, 0]), "it: is UTF-32, not UTF-8. Convert it: iconv -f UTF-32 -t UTF-8"],
    [
      bytesOf("café", "latin1"),
      "it: is not UTF-8; found the byte 0xe9 at offset 3. Convert it, for example from Latin-1: iconv -f WINDOWS-1252 -t UTF-8",
    ],
    [bytesOf("a\0b", "utf8"), "it: is not text; found a zero byte at offset 1"],
    [
      Buffer.from("PK\x03\x04\0\0"),
      "it: is not text but a zip archive, such as a .pth file of PyTorch or an office document",
    ],
    [Buffer.from('\x10\x02\0\0\0\0\0\0{"a', "latin1"), "it: is not text but a safetensors file"],
    [Buffer.from("GGUF\x03\0\0\0", "latin1"), "it: is not text but a GGUF file"],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeText(bytes, "it"), { name: "LlamaError", kind: "usage", message });
  }
  assert.throws(() => decodeText(Buffer.of(0xff), "it", "model"), { kind: "model" });
  // Words of text that a binary file begins with are text.
  assert.equal(decodeText(bytesOf("GGUF is a format", "utf8"), "it"), "GGUF is a format");
});

test("the first byte that belongs to no character is found, wherever it is", () => {
  const dice = new Dice(5, 0);
  const strict = new TextDecoder("utf-8", { fatal: true });
  const isValid = (bytes: Uint8Array) => {
    try {
      strict.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(TEXT);
    if (i % 4 > 0) bytes[dice.below(bytes.length)] = dice.below(256);
    const offset = firstInvalid(bytes);
    assert.equal(offset < 0, isValid(bytes));
    if (offset >= 0) assert.ok(isValid(bytes.subarray(0, offset)));
  }
});
