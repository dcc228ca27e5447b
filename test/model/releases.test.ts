import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveConfig } from "../../src/model/config/meta-params.js";
import { findRelease } from "../../src/model/sizes/releases.js";
import { SIZES } from "./sizes.js";

/** What the params.json of a family has in addition to the shape. */
const FAMILIES: [RegExp, Record<string, unknown>][] = [
  [/^LLaMA (7|13|30)B/, { norm_eps: 1e-6 }],
  [/^Code Llama/, { rope_theta: 1e6 }],
  [/^Llama 3 /, { rope_theta: 5e5 }],
  [/^Llama 3\./, { rope_theta: 5e5, use_scaled_rope: true }],
];

function nameOf(params: Record<string, unknown>): string | null {
  const raw = { file: "params.json", values: new Map(Object.entries(params)), unknownKeys: [] };
  return findRelease(resolveConfig(raw, params.vocab_size as number))?.name ?? null;
}

for (const { name, params } of SIZES) {
  test(`${name} is recognised by its shape`, () => {
    const family = FAMILIES.find(([pattern]) => pattern.test(name))?.[1];
    // the release calls the paper's 33B 30B
    assert.equal(nameOf({ ...params, ...family }), name.replace("30B", "33B"));
  });
}

test("the same shape with another constant has another name or no name", () => {
  const { params } = SIZES[0]!;
  assert.equal(nameOf({ ...params, norm_eps: 1e-5 }), "Llama 2 7B");
  assert.equal(nameOf({ ...params, rope_theta: 1e6 }), "Code Llama 7B");
  assert.equal(nameOf({ ...params, rope_theta: 2e4 }), null);
  assert.equal(nameOf({ ...params, n_layers: 4 }), null);
  assert.equal(nameOf({ ...params, vocab_size: 512 }), null);
});
