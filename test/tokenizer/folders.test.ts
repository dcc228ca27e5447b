/** Compares tokenizers of Hugging Face folders with transformers' AutoTokenizer (test/fixtures/tokenizer-json/make.py). */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findTokenizer } from "../../src/tokenizer/loading/find-tokenizer.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import { settingsFor } from "../../src/tokenizer/loading/tokenizer-settings.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { fixture, readJson } from "../folders.js";
import { llama2Json, llama3Json } from "./tokenizer-json.js";

interface Folders {
  texts: string[];
  cases: {
    files: Record<string, { added?: object[]; post?: boolean }>;
    model: boolean;
    bos: number;
    eos: number;
    special: number[][];
    plain: number[][];
    /** Ids of "Hi" with what the tokenizer adds. */
    whole: number[];
    /** What "Hi Lily<A> x" is decoded to. */
    text: string;
  }[];
}

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const own512 = fixture("own512.model");
const json = llama2Json(own512);

let count = 0;
function folder(files: Record<string, unknown>, model = false): string {
  const path = join(root, String(count++));
  mkdirSync(path);
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(path, name), typeof value === "string" ? value : JSON.stringify(value));
  }
  if (model) copyFileSync(own512, join(path, "tokenizer.model"));
  return path;
}

async function open(path: string, facts: { eosTokenId?: unknown; modelType?: unknown } = {}): Promise<Tokenizer> {
  const file = findTokenizer(path);
  return loadTokenizer(file, "3.1", settingsFor(file, { folder: path, facts: { modelType: "llama", ...facts } }));
}

const { texts, cases } = readJson<Folders>(fixture("tokenizer-json/folders.json"));

for (const [number, expected] of cases.entries()) {
  const { "tokenizer.json": short, ...others } = expected.files;
  const name = JSON.stringify(others["tokenizer_config.json"] ?? {}).slice(0, 120);
  test(`${number}, ${expected.model ? "tokenizer.model" : "tokenizer.json"} with ${name}: as AutoTokenizer`, async () => {
    const files: Record<string, unknown> = { "config.json": {}, ...others };
    if (short !== undefined) {
      const post_processor = short.post ? json.post_processor : null;
      files["tokenizer.json"] = { ...json, post_processor, added_tokens: [...json.added_tokens, ...short.added!] };
    }
    const tokenizer = await open(folder(files, expected.model));
    assert.deepEqual([tokenizer.bosId, tokenizer.eosId], [expected.bos, expected.eos]);
    for (const [at, text] of texts.entries()) {
      assert.deepEqual(tokenizer.encode(text, { special: true }), expected.special[at], JSON.stringify(text));
      assert.deepEqual(tokenizer.encode(text), expected.plain[at], JSON.stringify(text));
    }
    assert.deepEqual(tokenizer.encode("Hi", { bos: true }), expected.whole);
    assert.equal(tokenizer.decode(tokenizer.encode("Hi Lily<A> x", { bos: true, special: true })), expected.text);
  });
}

test("stops are those of generation_config.json, else of config.json, and the tokenizer's own", async () => {
  const stops = async (files: object, eosTokenId?: unknown) =>
    [...(await open(folder({ "tokenizer.json": json, ...files }), { eosTokenId })).stopIds].sort((a, b) => a - b);
  assert.deepEqual(await stops({}), [2]);
  assert.deepEqual(await stops({}, 7), [2, 7]);
  assert.deepEqual(await stops({}, [7, 8, -1]), [2, 7, 8]);
  assert.deepEqual(await stops({ "generation_config.json": { eos_token_id: [9, 2] } }, 7), [2, 9]);
  assert.deepEqual(await stops({ "generation_config.json": { temperature: 1 } }, 7), [2, 7]);
  const mini = llama3Json(fixture("llama3mini-bf16-mp1/tokenizer.model"));
  const names = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"];
  const tokenizer = await open(folder({ "tokenizer.json": mini }), { eosTokenId: 5 });
  assert.deepEqual(new Set([5, ...names.map((name) => tokenizer.specialTokens.get(name))]), tokenizer.stopIds);
});

test("a tokenizer without BOS adds none; a configured name comes before LLaMA's", async () => {
  const config = { bos_token: null, eos_token: "</s>", tokenizer_class: "PreTrainedTokenizerFast" };
  const none = await open(
    folder({ "tokenizer.json": { ...json, post_processor: null }, "tokenizer_config.json": config }),
  );
  assert.deepEqual([none.bosId, none.addsBos, none.tokenNames.bos], [null, false, null]);
  assert.deepEqual(none.encode("Hi", { bos: true }), none.encode("Hi"));
  const swapped = await open(
    folder({
      "tokenizer.json": { ...json, post_processor: null },
      "tokenizer_config.json": { ...config, bos_token: "</s>" },
    }),
  );
  assert.deepEqual([swapped.bosId, swapped.addsBos], [2, false]);
  const model = await open(folder({ "tokenizer_config.json": { bos_token: null } }, true));
  assert.deepEqual([model.bosId, model.addsBos], [null, false]);
  const plain = await open(folder({}, true));
  assert.deepEqual([plain.bosId, plain.addsBos], [1, true]);
});

test("a chat template comes from its own file, from the key, or from the default of a list", async () => {
  const template = async (files: object) => (await open(folder({ "tokenizer.json": json, ...files }))).chatTemplate;
  assert.equal(await template({}), null);
  assert.equal(await template({ "tokenizer_config.json": { chat_template: "a" } }), "a");
  const list = [
    { name: "tool_use", template: "t" },
    { name: "default", template: "d" },
  ];
  assert.equal(await template({ "tokenizer_config.json": { chat_template: list } }), "d");
  assert.equal(
    await template({ "chat_template.jinja": "file", "tokenizer_config.json": { chat_template: "a" } }),
    "file",
  );
});

test("a template for tools comes from the list, or from a file of its own", async () => {
  const template = async (files: object) => (await open(folder({ "tokenizer.json": json, ...files }))).toolTemplate;
  const list = [
    { name: "tool_use", template: "t" },
    { name: "default", template: "d" },
  ];
  assert.equal(await template({ "tokenizer_config.json": { chat_template: list } }), "t");
  assert.equal(await template({ "tokenizer_config.json": { chat_template: "a" } }), null);
  const path = folder({ "tokenizer.json": json, "chat_template.jinja": "d" });
  mkdirSync(join(path, "additional_chat_templates"));
  writeFileSync(join(path, "additional_chat_templates", "tool_use.jinja"), "file");
  const { chatTemplate, toolTemplate } = await open(path);
  assert.deepEqual([chatTemplate, toolTemplate], ["d", "file"]);
});

test("a bad file beside the tokenizer is named", async () => {
  const refuses = (files: object, message: RegExp) =>
    assert.rejects(open(folder({ "tokenizer.json": json, ...files })), { kind: "model", message });
  await refuses({ "added_tokens.json": { x: "1" } }, /added_tokens\.json: bad added token; .*found "1"/);
  await refuses({ "tokenizer_config.json": { added_tokens_decoder: { 5: "x" } } }, /bad added token/);
  await refuses({ "tokenizer_config.json": { chat_template: 5 } }, /bad chat_template/);
  await refuses({ "generation_config.json": "{" }, /generation_config\.json: is not valid JSON/);
});

test("a folder with config.json has its tokenizer.json first; names in original are those of the folder above", async () => {
  const path = folder(
    { "tokenizer.json": json, "config.json": {}, "tokenizer_config.json": { chat_template: "c" } },
    true,
  );
  assert.equal(findTokenizer(path), join(path, "tokenizer.json"));
  mkdirSync(join(path, "original"));
  copyFileSync(own512, join(path, "original", "tokenizer.model"));
  assert.equal((await loadTokenizer(join(path, "original", "tokenizer.model"))).chatTemplate, "c");
});
