/**
 * Answers of the demo model by schemas as people write them: each that ends is valid. FORM_SEEDS=20 tries more of them than the
 * two of `npm test`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { type BatchRequest, Llama } from "../../../src/index.js";
import { demo, fixture, readJson } from "../../folders.js";
import { lastly } from "../../lastly.js";

const SEEDS = Number(process.env.FORM_SEEDS ?? 2);
const schemas = readJson<Record<string, object>>(fixture("forms/everyday.json"));
const llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 512 });

test(`every whole answer by ${Object.keys(schemas).length} schemas is valid, with ${SEEDS} seeds each`, async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  addFormats.default(ajv);
  const checks = new Map(Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]));
  const requests = Object.entries(schemas).flatMap(([name, jsonSchema]) =>
    Array.from({ length: SEEDS }, (_, seed): BatchRequest<string> => {
      const options = { form: { jsonSchema }, temperature: 1, topP: 1, seed, maxGenLen: 400 };
      return { tag: name, prompt: "One day, ", options };
    }),
  );
  let whole = 0;
  for await (const { tag, completion, error } of llama.batch(requests)) {
    assert.equal(error, null, `${tag}: ${error?.message}`);
    const { text, formComplete, finishReason } = completion!;
    assert.equal(formComplete, finishReason === "stop", `${tag}: ${text}`);
    if (!formComplete) continue;
    whole++;
    const check = checks.get(tag)!;
    assert.ok(check(JSON.parse(text)), `${tag}: ${text}: ${JSON.stringify(check.errors)}`);
  }
  assert.ok(whole >= 0.9 * requests.length, `${whole} of ${requests.length} are whole`);
});

lastly(() => llama.close());
