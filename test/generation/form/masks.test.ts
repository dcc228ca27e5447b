/** Which tokens may follow, for every kind of tokenizer: the walk through all tokens against each token by itself, and their bytes against what they decode to. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { compileForm } from "../../../src/generation/form/compile-form.js";
import { Constraint } from "../../../src/generation/form/constraint.js";
import type { Form } from "../../../src/generation/form/form.js";
import { MaskCache } from "../../../src/generation/form/mask-cache.js";
import { tokenBytes } from "../../../src/generation/form/token-bytes.js";
import { TokenTrie } from "../../../src/generation/form/token-trie.js";
import { createRandom } from "../../../src/generation/sampling/random.js";
import { loadTokenizer } from "../../../src/tokenizer/loading/open-tokenizer.js";
import { encodeAfter, type Tokenizer } from "../../../src/tokenizer/tokenizer.js";
import { demo, fixture } from "../../folders.js";
import { llama2Json, llama3Json } from "../../tokenizer/tokenizer-json.js";

const [pieces, tiktoken] = [`${demo}/tokenizer.model`, fixture("llama3mini-bf16-mp1/tokenizer.model")];
const folder = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(folder, { recursive: true }));

function written(name: string, json: object): string {
  mkdirSync(join(folder, name));
  const file = join(folder, name, "tokenizer.json");
  writeFileSync(file, JSON.stringify(json));
  return file;
}

const FILES: Readonly<Record<string, string>> = {
  "SentencePiece, with bytes for unknown characters": pieces,
  tiktoken,
  "a byte-level tokenizer.json": written("bytes", llama3Json(tiktoken)),
  "a tokenizer.json with marks for spaces": written("pieces", llama2Json(pieces)),
};

const FORMS: readonly Form[] = [
  { jsonSchema: { type: "object", properties: { name: { type: "string", maxLength: 12 }, n: { type: "number" } } } },
  { jsonSchema: { type: "array", items: { enum: ["é", "日本", "a\nb"] }, minItems: 2, maxItems: 3 } },
  { jsonSchema: { type: "string" } },
  { jsonObject: true },
  { regex: "(the|a) [^\\n]{3,30}\\.|\\d+😀" },
  { regex: "[à-ÿ]{2,5}" },
  { grammar: 'root ::= "(" root ")" | [a-z ]*' },
];

const kinds = await Promise.all(
  Object.entries(FILES).map(async ([kind, file]) => {
    const tokenizer = await loadTokenizer(file);
    return { kind, tokenizer, trie: new TokenTrie(await tokenBytes(tokenizer, tokenizer.vocabSize)) };
  }),
);

const encode = (tokenizer: Tokenizer, text: string) =>
  tokenizer.units === "bytes" ? tokenizer.encode(text) : encodeAfter(tokenizer, text);

for (const { kind, tokenizer, trie } of kinds) {
  describe(kind, () => {
    test("the bytes of tokens are those of the text that they decode to", () => {
      for (const text of ["Hello, world 12", "naïve 日本 😀 \u0007", '{"a": [1, 2.5e3], "b c": "x\\n"}']) {
        const ids = encode(tokenizer, text);
        const bytes = ids.map((id) => trie.texts[id]!).join("");
        assert.equal(Buffer.from(bytes, "latin1").toString(), text);
      }
      for (const id of [...tokenizer.specialTokens.values(), ...tokenizer.stopIds]) assert.equal(trie.texts[id], "");
    });

    test("a mask has exactly the tokens that may follow one by one, on random ways through each form to its end", () => {
      const random = createRandom(3);
      const masks = new MaskCache(trie);
      for (const form of FORMS) {
        const states = compileForm(form);
        const stop = tokenizer.stopIds.size > 0 ? [...tokenizer.stopIds] : [];
        const constraint = new Constraint({
          ...{ states, masks, stopIds: new Set(stop), dropsSpace: false },
          encode: (text) => encode(tokenizer, text),
        });
        const logits = new Float32Array(tokenizer.vocabSize).fill(1);
        let written = "";
        for (let i = 0; i < 25 && !constraint.isOver; i++) {
          const bound = constraint.mask(logits);
          const allowed = Array.from(bound.keys()).filter((id) => bound[id] === 1);
          const expected = Array.from(bound.keys()).filter((id) =>
            tokenizer.stopIds.has(id) ? constraint.isComplete : constraint.allows(id),
          );
          assert.deepEqual(allowed, expected, `${JSON.stringify(form)} after ${written}`);
          assert.ok(bound.every((one) => one === 1 || one === Number.NEGATIVE_INFINITY));
          const texts = allowed.filter((id) => !tokenizer.stopIds.has(id));
          if (texts.length === 0) break;
          const forced = constraint.forced();
          assert.equal(constraint.prefix(forced), forced.length);
          const id = forced[0] ?? texts[Math.floor(random() * texts.length)]!;
          constraint.accept(id);
          written += trie.texts[id];
        }
      }
    });

    test("each text of a form can be written as the tokenizer writes it", () => {
      for (const [form, text] of [
        [FORMS[0]!, '{"name": "Zoë 日本", "n": -12.5e3}'],
        [FORMS[1]!, '["日本", "é", "a\\nb"]'],
        [FORMS[4]!, "the quick brown fox."],
        [FORMS[4]!, "12😀"],
        [FORMS[6]!, "((ab c))"],
      ] as const) {
        const constraint = new Constraint({
          ...{ states: compileForm(form), masks: new MaskCache(trie), stopIds: tokenizer.stopIds, dropsSpace: false },
          encode: (one) => encode(tokenizer, one),
        });
        for (const id of encode(tokenizer, text)) constraint.accept(id);
        assert.ok(constraint.isComplete, `${kind}: ${text}`);
      }
    });
  });
}
