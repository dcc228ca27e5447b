import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { decodeUtf8 } from "../../src/formats/files/utf8.js";
import { readSentencePieceModel } from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";

const root = new URL("../../../", import.meta.url);
const demo = fileURLToPath(new URL("models/demo/tokenizer.model", root));
const own512 = fileURLToPath(new URL("test/fixtures/own512.model", root));
const data = new URL("../shared/data/", root);
const skip = existsSync(data) ? false : "the shared test data is missing";

function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const stream = tokenizer.detokenizer();
  return ids.map((id) => stream.push(id)).join("") + stream.flush();
}

test("has the ids of Meta's special tokens", async () => {
  const tokenizer = await loadTokenizer(demo);
  assert.deepEqual([tokenizer.bosId, tokenizer.eosId, tokenizer.padId], [1, 2, -1]);
  assert.deepEqual([...tokenizer.stopIds], [2]);
  assert.equal(tokenizer.vocabSize, readSentencePieceModel(readTokenizerFile(demo)).pieces.length);
});

test("encodes and decodes without loss", async () => {
  for (const path of [demo, own512]) {
    const tokenizer = await loadTokenizer(path);
    for (const text of [
      "",
      "a",
      "Once upon a time, there was",
      "<s>",
      "<0x0A>",
      "one\ntwo\tthree",
      "é中😀",
      "\0",
      "\uFEFFx",
    ]) {
      const ids = tokenizer.encode(text);
      assert.equal(tokenizer.decode(ids), text);
      assert.equal(streamed(tokenizer, ids), text);
      assert.ok(ids.every((id) => id > 2));
    }
  }
});

test("adds BOS and EOS on request", async () => {
  const tokenizer = await loadTokenizer(demo);
  const ids = tokenizer.encode("time");
  assert.deepEqual(tokenizer.encode("time", { bos: true, eos: false }), [1, ...ids]);
  assert.deepEqual(tokenizer.encode("time", { bos: false, eos: true }), [...ids, 2]);
  assert.deepEqual(tokenizer.encode("", { bos: true, eos: true }), [1, 2]);
  assert.equal(tokenizer.decode([1, ...ids, 2]), "time");
});

test("encodes a lone surrogate as U+FFFD", async () => {
  const tokenizer = await loadTokenizer(demo);
  assert.deepEqual(tokenizer.encode("a\uD800b\uDC00"), tokenizer.encode("a\uFFFDb\uFFFD"));
});

test("rejects a text that would exhaust the encoder's memory", async () => {
  const tokenizer = await loadTokenizer(demo);
  assert.throws(() => tokenizer.encode("a".repeat(1_000_001)), { kind: "usage", message: /too long/ });
});

test("leaves no listeners on the process, and keeps those of others", async () => {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const counts = () => events.map((event) => process.listenerCount(event));
  const before = counts();
  const mine = (error: unknown) => assert.fail(String(error));
  const loading = Promise.all([loadTokenizer(demo), loadTokenizer(own512)]);
  process.on("unhandledRejection", mine);
  await loading;
  assert.ok(process.listeners("unhandledRejection").includes(mine));
  process.removeListener("unhandledRejection", mine);
  assert.deepEqual(counts(), before);
});

test("rejects a damaged model", async () => {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
  try {
    const path = join(folder, "tokenizer.model");
    writeFileSync(path, readFileSync(own512).subarray(0, 5000));
    await assert.rejects(loadTokenizer(path), { name: "LlamaError", kind: "model" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [vectors, file] of [
  ["sp32000.json", "llama-sp32000.model"],
  ["tok512.json", "tok512.model"],
] as const) {
  test(`agrees with SentencePiece on ${file}`, { skip }, async () => {
    const path = fileURLToPath(new URL(`tokenizers/${file}`, data));
    const { encode, decode, encode_bytes, id_to_piece, ...head } = JSON.parse(
      readFileSync(new URL(`vectors/${vectors}`, data), "utf8"),
    );
    const tokenizer = await loadTokenizer(path);
    assert.deepEqual(
      [tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosId, tokenizer.padId],
      [head.vocab_size, head.bos, head.eos, head.pad],
    );
    assert.ok(encode.length > 100 && decode.length > 50 && encode_bytes.length > 5);
    for (const { text, ids, decoded } of encode) {
      assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
      assert.equal(tokenizer.decode(ids), decoded);
      assert.equal(streamed(tokenizer, ids), decoded);
    }
    for (const { ids, text } of decode) {
      assert.equal(tokenizer.decode(ids), text, String(ids));
      assert.equal(streamed(tokenizer, ids), text);
    }
    for (const { hex, ids, decoded } of encode_bytes) {
      assert.deepEqual(tokenizer.encode(decodeUtf8(Buffer.from(hex, "hex"))), ids, hex);
      assert.equal(tokenizer.decode(ids), decoded);
    }
    const { pieces } = readSentencePieceModel(readTokenizerFile(path));
    for (const [id, [piece, score, type]] of Object.entries<[string, number, string]>(id_to_piece)) {
      assert.deepEqual(pieces[Number(id)], { piece, score, type: type === "unk" ? "unknown" : type });
    }
  });
}
