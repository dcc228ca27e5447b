import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type Piece,
  readSentencePieceModel,
  type SentencePieceModel,
} from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { createPieceDetokenizer, decodeTable } from "../../src/tokenizer/decoding/piece-detokenizer.js";

const own512 = fileURLToPath(new URL("../../../test/fixtures/own512.model", import.meta.url));
const base = readSentencePieceModel(readTokenizerFile(own512));

const normal = (piece: string): Piece => ({ piece, score: 0, type: "normal" });
/** Ids: 0 to 258 as in Meta's vocabulary, then these. */
const [MARK, CAT, DOG, MARKS] = [259, 260, 261, 262] as const;
const pieces = [...base.pieces.slice(0, 259), normal("▁"), normal("▁cat"), normal("dog"), normal("▁▁x")];
const llama: SentencePieceModel = { ...base, pieces, removeExtraWhitespaces: false };
const byte = (value: number) => 3 + value;

function fresh(model = llama) {
  return createPieceDetokenizer(decodeTable(model), model.removeExtraWhitespaces);
}

function decode(ids: number[], model = llama): string {
  const stream = fresh(model);
  return ids.map((id) => stream.push(id)).join("") + stream.flush();
}

test("removes one leading mark", () => {
  assert.equal(decode([CAT, CAT]), "cat cat");
  assert.equal(decode([1, CAT, 2, CAT]), "cat cat");
  assert.equal(decode([MARK, CAT]), " cat");
  assert.equal(decode([MARKS]), " x");
  assert.equal(decode([DOG, CAT]), "dog cat");
  assert.equal(decode([byte(0x0a), CAT]), "\n cat");
});

test("removes the marks of all leading pieces with remove_extra_whitespaces", () => {
  const model = { ...llama, removeExtraWhitespaces: true };
  assert.equal(decode([MARK, MARK, CAT, CAT], model), "cat cat");
  assert.equal(decode([byte(0x0a), MARK, CAT], model), "\n  cat");
});

test("keeps the leading mark of a model without dummy prefix", () => {
  assert.equal(decode([CAT, CAT], { ...llama, addDummyPrefix: false }), " cat cat");
});

test("decodes the unknown piece to its surface, and control pieces to nothing", () => {
  assert.equal(decode([0, CAT]), " \u2047  cat");
  assert.equal(decode([1, 2]), "");
});

test("decodes consecutive bytes together, but not across another piece", () => {
  assert.equal(decode([byte(0xc3), byte(0xa9)]), "é");
  assert.equal(decode([byte(0xc3), 1, byte(0xa9)]), "\uFFFD\uFFFD");
  assert.equal(decode([byte(0xc3), DOG]), "\uFFFDdog");
});

test("returns only text that is final", () => {
  const stream = fresh();
  assert.deepEqual(
    [CAT, byte(0xf0), byte(0x9f), byte(0x98), byte(0x80), CAT].map((id) => stream.push(id)),
    ["cat", "", "", "", "😀", " cat"],
  );
  assert.equal(stream.push(byte(0xe4)), "");
  assert.equal(stream.flush(), "\uFFFD");
  assert.equal(stream.flush(), "");
});

test("continues a prompt", () => {
  const stream = fresh();
  stream.prime([1, CAT]);
  assert.equal(stream.push(CAT), " cat");
  const first = fresh();
  first.prime([1]);
  assert.equal(first.push(CAT), "cat", "no text is before it");
  const second = fresh();
  second.prime([]);
  assert.equal(second.push(CAT), "cat");
});

test("completes a character that began in the prompt, and returns nothing for one that stays incomplete", () => {
  const begun = () => {
    const stream = fresh();
    stream.prime([CAT, byte(0xe4), byte(0xb8)]);
    return stream;
  };
  assert.equal(begun().push(byte(0xad)), "中");
  assert.equal(begun().push(DOG), "dog");
  assert.equal(begun().push(byte(0x61)), "a");
  assert.equal(begun().flush(), "");
});

test("rejects an id outside the vocabulary", () => {
  for (const id of [-1, 263, 1.5, Number.NaN]) {
    assert.throws(() => fresh().push(id), { name: "LlamaError", kind: "usage", message: /0 to 262/ });
  }
});
