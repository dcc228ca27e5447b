/** Compares tokenizer.json files of all supported steps with the ids and texts of the tokenizers library (test/fixtures/tokenizer-json/make.py). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { NORMAL_FORMS, type NormalForm } from "../../src/formats/tokenizer/pipeline-json.js";
import { openHuggingFaceTokenizer } from "../../src/tokenizer/kinds/hugging-face-tokenizer.js";
import { compilePattern } from "../../src/tokenizer/pipeline/pattern.js";
import { createPreTokenizer } from "../../src/tokenizer/pipeline/pre-tokenizer.js";
import { withTimeLimit } from "../../src/tokenizer/pipeline/time-limit.js";
import { unicodeNormalize } from "../../src/tokenizer/pipeline/unicode-normalize.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { fixture, readJson } from "../folders.js";
import { llama2Json, llama3Json } from "./tokenizer-json.js";

interface Vectors {
  texts: string[];
  cases: {
    base: "llama2" | "llama3";
    parts: { model?: object };
    added: object[];
    /** Ids with special tokens, and without if they differ. */
    encode: [number[], number[] | null][];
    decode: [number[], string][];
  }[];
}

const BASES = {
  llama2: llama2Json(fixture("own512.model")),
  llama3: llama3Json(fixture("llama3mini-bf16-mp1/tokenizer.model")),
};

const { texts, cases } = readJson<Vectors>(fixture("tokenizer-json/vectors.json"));

async function tokenizerOf({ base, parts, added }: Vectors["cases"][number]): Promise<Tokenizer> {
  const json = BASES[base];
  const model = { ...json.model, ...parts.model };
  const root = { ...json, ...parts, model, added_tokens: [...json.added_tokens, ...added] };
  return openHuggingFaceTokenizer({ path: "tokenizer.json", root }).load();
}

for (const [number, vectors] of cases.entries()) {
  const steps = JSON.stringify(vectors.parts).slice(0, 120);
  test(`${number}, ${vectors.base} with ${steps}: ids and texts of the library, streamed or not`, async () => {
    const tokenizer = await tokenizerOf(vectors);
    for (const [at, [special, plain]] of vectors.encode.entries()) {
      const text = texts[at]!;
      assert.deepEqual(tokenizer.encode(text, { special: true }), special, JSON.stringify(text));
      assert.deepEqual(tokenizer.encode(text), plain ?? special, JSON.stringify(text));
    }
    for (const [ids, text] of vectors.decode) {
      assert.equal(tokenizer.decode(ids), text, String(ids));
      const stream = tokenizer.detokenizer();
      const parts = ids.map((id) => stream.push(id));
      assert.equal(parts.join("") + stream.flush(), text, String(ids));
    }
  });
}

test("a prompt that is primed gives the rest of the text, without characters that are complete in it", async () => {
  const json = BASES.llama2;
  const tokenizer = await openHuggingFaceTokenizer({ path: "tokenizer.json", root: json }).load();
  const byte = (value: number) => json.model.vocab[`<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`]!;
  const euro = [0xe2, 0x82, 0xac].map(byte);
  const newline = byte(0x0a);
  const [word] = tokenizer.encode("Once");
  const rest = (before: number[], after: number[]) => {
    const stream = tokenizer.detokenizer();
    stream.prime(before);
    return after.map((id) => stream.push(id)).join("") + stream.flush();
  };
  assert.equal(rest([word!], [word!]), tokenizer.decode([word!, word!]).slice(tokenizer.decode([word!]).length));
  assert.equal(rest([word!, newline], [word!]), tokenizer.decode([newline, word!]).slice(1));
  assert.equal(rest([word!, ...euro.slice(0, 2)], euro.slice(2)), "€");
  assert.equal(rest([word!, newline, ...euro.slice(0, 1)], euro.slice(1)), "€");
  assert.equal(rest([word!, euro[0]!], [word!]), tokenizer.decode([newline, word!]).slice(1));
});

const all = Array.from({ length: 0x110000 }, (_, code) => code).filter((code) => code < 0xd800 || code > 0xdfff);
const unicode = readJson<{
  classes: Record<string, { count: number; sha256: string }>;
  forms: Record<NormalForm, string>;
}>(fixture("tokenizer-json/classes.json"));

test("letters, digits and spaces are those of the library on every version of Node", () => {
  for (const [regex, expected] of Object.entries(unicode.classes)) {
    const isIn =
      regex === "Digits"
        ? (character: string) => digits(`a${character}a`, false).length === 3
        : (character: string) => [...matcher(character)].length === 1;
    const digits = createPreTokenizer([{ type: "Digits", individual: true }], "");
    const matcher = compilePattern({ regex: regex === "Digits" ? "" : regex }, "");
    const found = all.filter((code) => isIn(String.fromCodePoint(code)));
    const sha256 = createHash("sha256").update(found.join(",")).digest("hex");
    assert.deepEqual({ count: found.length, sha256 }, expected, regex);
  }
});

test("characters are normalised as by the library on every version of Node", () => {
  for (const form of NORMAL_FORMS) {
    const hash = createHash("sha256");
    for (const code of all) hash.update(`${unicodeNormalize(String.fromCodePoint(code), form)}\n`);
    assert.equal(hash.digest("hex"), unicode.forms[form], form);
  }
});

test("an id without a token has no text, and is never made from a text", async () => {
  const json = BASES.llama2;
  const gap = { id: 520, content: "<|gap|>", special: false, normalized: false };
  const root = { ...json, added_tokens: [...json.added_tokens, gap] };
  const tokenizer = await openHuggingFaceTokenizer({ path: "tokenizer.json", root }).load();
  assert.equal(tokenizer.vocabSize, 521);
  assert.equal(tokenizer.decode([515, 520, 519]), "<|gap|>");
  assert.deepEqual(tokenizer.encode("<|gap|>"), [520]);
  assert.throws(() => tokenizer.decode([521]), { kind: "usage", message: /token id is not in the vocabulary/ });
});

test("what cannot be done exactly is refused by name", () => {
  const json = BASES.llama2;
  const refuses = (parts: object, message: RegExp) =>
    assert.throws(() => openHuggingFaceTokenizer({ path: "tokenizer.json", root: { ...json, ...parts } }), {
      kind: "model",
      message,
    });
  const { model } = json;
  refuses({ model: { ...model, dropout: 0.1 } }, /expected a model without dropout/);
  refuses({ model: { ...model, end_of_word_suffix: "</w>" } }, /without end_of_word_suffix/);
  refuses({ normalizer: { type: "Prepend", prepend: "a".repeat(1000) } }, /found Prepend with prepend/);
  refuses({ pre_tokenizer: { type: "Punctuation", behavior: "Isolated" } }, /found Punctuation/);
  refuses(
    { decoder: { type: "Sequence", decoders: [{ type: "Fuse" }, { type: "ByteFallback" }] } },
    /ByteFallback after/,
  );
  const item = { SpecialToken: { id: "<s>", type_id: 0 } };
  const two = {
    ...{ type: "TemplateProcessing", single: [item, item, { Sequence: { id: "A", type_id: 0 } }], pair: [] },
    special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
  };
  refuses({ post_processor: two }, /found 2 tokens before a text/);
});

test("a merge of unknown tokens is refused", async () => {
  const json = BASES.llama2;
  const root = { ...json, model: { ...json.model, merges: ["no such", ...json.model.merges] } };
  await assert.rejects(openHuggingFaceTokenizer({ path: "tokenizer.json", root }).load(), {
    kind: "model",
    message: /has a merge that is not of two tokens to a third; .*found "no such"/,
  });
});

test("a pattern that backtracks without end is stopped; results and errors pass", () => {
  const find = [...compilePattern({ regex: "(a+)+$" }, "tokenizer.json")("aaa")];
  assert.deepEqual(find, [[0, 3]]);
  const hang = () => [...compilePattern({ regex: "(a+)+$" }, "tokenizer.json")(`${"a".repeat(40)}b`)];
  assert.throws(() => withTimeLimit(hang, 41, "tokenizer.json", 50), {
    kind: "model",
    message: /^tokenizer\.json: takes too long to encode a text; expected at most 0\.055 s for 41 characters\. /,
  });
  assert.equal(
    withTimeLimit(() => "result", 1, "tokenizer.json"),
    "result",
  );
  const error = new Error("its own");
  const fail = () => {
    throw error;
  };
  assert.throws(() => withTimeLimit(fail, 1, "tokenizer.json"), error);
});
