import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findModel, openModel } from "../../src/generation/loading/open-model.js";
import { splitText } from "../../src/tokenizer/encoding/split-text.js";
import { specialTokenNames } from "../../src/tokenizer/kinds/special-tokens.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { fixture, readJson, shared, withoutShared } from "../folders.js";

const mini = fixture("llama3mini-bf16-mp1/tokenizer.model");
const llama3 = shared("tokenizers/llama3-tiktoken.model");

interface Vectors {
  encode: { text: string; ids: number[] }[];
  decode: { ids: number[]; text: string }[];
  split: { text: string; pieces: string[] }[];
  special_3: string[];
  special_3_1: string[];
}

function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const stream = tokenizer.detokenizer();
  return ids.map((id) => stream.push(id)).join("") + stream.flush();
}

function encodesExactly(tokenizer: Tokenizer, encode: Vectors["encode"]) {
  assert.ok(encode.length > 300);
  for (const { text, ids } of encode) {
    assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    assert.equal(tokenizer.decode(ids), text);
    assert.equal(streamed(tokenizer, ids), text);
  }
}

test("encodes like tiktoken with the ranks of the miniature model", async () => {
  encodesExactly(await loadTokenizer(mini), readJson<Vectors>(fixture("llama3mini-vectors.json")).encode);
});

test("encodes, splits and decodes like tiktoken with Llama 3's ranks", { skip: withoutShared }, async () => {
  const { encode, decode, split, special_3, special_3_1 } = readJson<Vectors>(shared("vectors/llama3.json"));
  const tokenizer = await loadTokenizer(llama3);
  encodesExactly(tokenizer, encode);
  assert.ok(decode.length > 200 && split.length > 300);
  for (const { ids, text } of decode) {
    assert.equal(tokenizer.decode(ids), text);
    assert.equal(streamed(tokenizer, ids), text);
  }
  for (const { text, pieces } of split) assert.deepEqual([...splitText(text)], pieces);
  assert.deepEqual(specialTokenNames("3"), special_3);
  assert.deepEqual(specialTokenNames("3.1"), special_3_1);
  assert.deepEqual(
    ["begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eom_id", "eot_id", "python_tag"].map((name) =>
      tokenizer.specialTokens.get(`<|${name}|>`),
    ),
    [128000, 128001, 128006, 128007, 128008, 128009, 128010],
  );
});

test("has the special tokens of Llama 3 or 3.1 after the ranks", async () => {
  const newer = await loadTokenizer(mini);
  assert.deepEqual([newer.kind, newer.vocabSize, newer.specialTokens.size], ["tiktoken", 768, 256]);
  assert.deepEqual([newer.bosId, newer.eosId, newer.padId], [512, 513, 516]);
  assert.deepEqual([...newer.stopIds], [513, 520, 521]);
  assert.equal(newer.decode([520, 767]), "<|eom_id|><|reserved_special_token_245|>");
  const older = await loadTokenizer(mini, "3");
  assert.deepEqual([older.bosId, older.eosId, older.padId], [512, 513, -1]);
  assert.deepEqual([...older.stopIds], [513, 521]);
  assert.equal(older.decode([520, 767]), "<|reserved_special_token_4|><|reserved_special_token_250|>");
});

test("encodes special tokens in a text as plain text, and adds BOS and EOS on request", async () => {
  const tokenizer = await loadTokenizer(mini);
  const ids = tokenizer.encode("<|eot_id|>");
  assert.ok(ids.every((id) => id < 512));
  assert.deepEqual(tokenizer.encode("<|eot_id|>", { bos: true, eos: true }), [512, ...ids, 513]);
  assert.deepEqual(tokenizer.encode("", { bos: true }), [512]);
});

test("encodes a lone surrogate as U+FFFD, and keeps a byte order mark", async () => {
  const tokenizer = await loadTokenizer(mini);
  assert.deepEqual(tokenizer.encode("a\uD800b\uDC00"), tokenizer.encode("a\uFFFDb\uFFFD"));
  assert.equal(tokenizer.decode(tokenizer.encode("\uFEFFa")), "\uFEFFa");
});

test("completes a character that began in the prompt", async () => {
  const tokenizer = await loadTokenizer(mini);
  const [first, ...rest] = tokenizer.encode("🜁");
  assert.ok(rest.length > 0, "the test needs a character of several tokens");
  const stream = tokenizer.detokenizer();
  stream.prime([first!]);
  assert.equal(rest.map((id) => stream.push(id)).join("") + stream.flush(), "🜁");
  const broken = tokenizer.detokenizer();
  broken.prime([first!]);
  assert.equal(broken.push(tokenizer.encode("a")[0]!), "a");
  assert.throws(() => broken.push(768), { kind: "usage", message: /not in the vocabulary/ });
});

test("splits runs of more than 25,000 characters, and texts after 400,000", async () => {
  const tokenizer = await loadTokenizer(mini);
  const count = (pieces: Iterable<string>) => Array.from(pieces, (piece) => [...piece].length);
  // an astral letter is one character but two UTF-16 units
  for (const letter of ["a", "𐐀"]) assert.deepEqual(count(splitText(letter.repeat(50_001))), [25_000, 25_000, 1]);
  assert.deepEqual(count(splitText(" ".repeat(25_002))), [25_000, 2]);
  // only Python counts U+001C as white space: it ends a run, but is not a space in the pattern
  assert.deepEqual(count(splitText(`${"a".repeat(25_000)}\u001c${"a".repeat(25_000)}`)), [25_000, 25_001]);
  const words = "ab ".repeat(133_334);
  assert.deepEqual([...splitText(words)].slice(-3), [" a", "b", " "]);
  const long = "ab".repeat(12_500);
  assert.deepEqual(tokenizer.encode(`${long}ab`), [...tokenizer.encode(long), ...tokenizer.encode("ab")]);
});

test("encodes 400,000 characters without a space in seconds", async () => {
  const tokenizer = await loadTokenizer(mini);
  const start = performance.now();
  for (const unit of ["a", "ab", "中", "😀", " ", "\n", "-="]) {
    const text = unit.repeat(400_000 / unit.length);
    assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  }
  // About 2 s; merging in quadratic time takes minutes.
  assert.ok(performance.now() - start < 30_000);
});

test("a model without scaled rotary frequencies has the names and stop tokens of Llama 3, not 3.1", async () => {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-names-"));
  try {
    const later = fixture("llama3mini-bf16-mp1");
    cpSync(later, folder, { recursive: true });
    const params = readJson<Record<string, unknown>>(join(folder, "params.json"));
    writeFileSync(join(folder, "params.json"), JSON.stringify({ ...params, use_scaled_rope: false }));
    const tokenizer = await openModel(findModel({ ckptDir: folder })).tokenizer.load();
    const id = 512 + 8;
    assert.equal(tokenizer.decode([id]), "<|reserved_special_token_4|>");
    assert.equal(tokenizer.stopIds.has(id), false);
    assert.equal(tokenizer.padId, -1);
    const newer = await openModel(findModel({ ckptDir: later })).tokenizer.load();
    assert.equal(newer.decode([id]), "<|eom_id|>");
    assert.equal(newer.stopIds.has(id), true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
