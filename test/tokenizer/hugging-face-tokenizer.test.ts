import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findTokenizer } from "../../src/tokenizer/loading/find-tokenizer.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { demo, fixture, readJson, shared, withoutShared } from "../folders.js";
import { llama2Json, llama3Json } from "./tokenizer-json.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const mini = fixture("llama3mini-bf16-mp1/tokenizer.model");

interface Vectors {
  encode: { text: string; ids: number[]; decoded?: string }[];
  decode?: { ids: number[]; text: string }[];
}

let count = 0;
function file(content: object, config?: object): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  if (config) writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(content));
  return join(folder, "tokenizer.json");
}

function agrees(tokenizer: Tokenizer, { encode, decode = [] }: Vectors) {
  for (const { text, ids, decoded = text } of encode) {
    assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    assert.equal(tokenizer.decode(ids), decoded);
  }
  const special = new Set(tokenizer.specialTokens.values());
  for (const { ids, text } of decode) {
    // Special tokens of a tokenizer.json are no text; Meta's libraries write some of them.
    if (!ids.some((id) => special.has(id))) assert.equal(tokenizer.decode(ids), text, String(ids));
  }
}

test("a tokenizer.json encodes and decodes as the tiktoken file it was made from", async () => {
  const tokenizer = await loadTokenizer(file(llama3Json(mini)));
  agrees(tokenizer, readJson<Vectors>(fixture("llama3mini-vectors.json")));
  const original = await loadTokenizer(mini);
  assert.equal(tokenizer.kind, "tokenizer.json");
  for (const key of ["units", "vocabSize", "bosId", "eosId", "padId", "stopIds", "specialTokens"] as const) {
    assert.deepEqual(tokenizer[key], original[key], key);
  }
  assert.deepEqual(tokenizer.encode("a", { bos: true, eos: true }), original.encode("a", { bos: true, eos: true }));
  assert.deepEqual(tokenizer.encode("a\uD800"), tokenizer.encode("a\uFFFD"));
});

test("a tokenizer.json encodes and decodes as the SentencePiece file it was made from", async () => {
  const path = join(demo, "tokenizer.model");
  const tokenizer = await loadTokenizer(file(llama2Json(path)));
  const original = await loadTokenizer(path);
  assert.equal(tokenizer.kind, "tokenizer.json");
  for (const key of ["units", "vocabSize", "bosId", "eosId", "padId", "stopIds"] as const) {
    assert.deepEqual(tokenizer[key], original[key], key);
  }
  const texts = ["", "Once upon a time", "  two  spaces ", "é中😀", "<s>", "<0x0A>", "one\ntwo\tthree", " ", "\uFEFFx"];
  for (const text of texts) {
    const ids = original.encode(text);
    assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    assert.equal(tokenizer.decode([1, ...ids, 2]), text);
  }
});

for (const [name, vectors, convert] of [
  ["llama3-tiktoken.model", "llama3.json", llama3Json],
  ["llama-sp32000.model", "sp32000.json", llama2Json],
] as const) {
  test(`a tokenizer.json made from ${name} agrees with all vectors`, { skip: withoutShared }, async () => {
    const tokenizer = await loadTokenizer(file(convert(shared(`tokenizers/${name}`))));
    const { encode, decode = [] } = readJson<Vectors>(shared(`vectors/${vectors}`));
    // SentencePiece decodes some lists of bytes in another way than a tokenizer.json says.
    agrees(tokenizer, { encode, decode: tokenizer.units === "bytes" ? decode : [] });
  });
}

test("reads other names of special tokens from tokenizer_config.json", async () => {
  const json = llama2Json(fixture("own512.model"));
  const token = (id: number, content: string) => ({ id, content, special: true });
  const chat = { ...json, added_tokens: [...json.added_tokens, token(512, "<|im_end|>")] };
  const tokenizer = await loadTokenizer(file(chat, { bos_token: "<s>", eos_token: { content: "<|im_end|>" } }));
  assert.deepEqual([tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosId], [513, 1, 512]);
  assert.deepEqual([...tokenizer.stopIds], [512]);
});

test("rejects files that are not a LLaMA tokenizer", async () => {
  const json = llama3Json(mini);
  const { model } = json;
  const refuses = async (content: object, message: RegExp) =>
    assert.rejects(loadTokenizer(file(content)), { name: "LlamaError", kind: "model", message });
  await refuses({ ...json, model: { ...model, type: "Unigram" } }, /expected a BPE model, found Unigram/);
  await refuses({ ...json, decoder: { type: "WordPiece" } }, /this decoder .* is not supported; found WordPiece/);
  await refuses({ ...json, model: { ...model, vocab: { a: 0, b: 0 }, merges: [] }, added_tokens: [] }, /two for 0/);
  await refuses({ ...json, model: { ...model, vocab: { a: -1 }, merges: [] } }, /found the id -1/);
  await refuses({ ...json, model: { ...model, vocab: { a: 1e9 }, merges: [] } }, /found the id 1000000000/);
  await refuses(
    { ...json, pre_tokenizer: { type: "Unheard" } },
    /this pre_tokenizer .* is not supported; found Unheard/,
  );
  await refuses({ ...json, normalizer: { type: "Nmt" } }, /this normalizer .* is not supported; found Nmt/);
  await refuses(
    { ...json, post_processor: { type: "BertProcessing", sep: ["a", 1], cls: ["b", 2] } },
    /this post_processor .* is not supported; found BertProcessing/,
  );
  await refuses(
    { ...json, decoder: { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" } },
    /found Replace of a regular expression/,
  );
  const bad = { type: "Split", pattern: { Regex: "(a" }, behavior: "Isolated", invert: false };
  await refuses({ ...json, pre_tokenizer: bad }, /has a pattern that llama-ts cannot use/);
  await refuses(
    { version: "1.0", model: { type: "BPE", vocab: { a: 0 }, merges: [] } },
    /is JSON, but not a tokenizer\.json/,
  );
});

test("a folder's tokenizer is its tokenizer.model, then original/tokenizer.model, then tokenizer.json", () => {
  const folder = join(root, "folder", "model");
  mkdirSync(join(folder, "original"), { recursive: true });
  assert.throws(() => findTokenizer(folder), { kind: "model", message: /no tokenizer found/ });
  const places = ["../tokenizer.model", "tokenizer.json", "original/tokenizer.model", "tokenizer.model"];
  for (const place of places) {
    writeFileSync(join(folder, place), "");
    assert.equal(findTokenizer(folder), join(folder, place));
  }
});
