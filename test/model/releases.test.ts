import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveConfig } from "../../src/model/config/meta-params.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
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

test("released relatives are recognised by shape and architecture", () => {
  const { config } = presetCheckpoint("3-8B");
  const shaped = (architecture: string, sizes: number[], ropeTheta: number, vocabSize: number) => {
    const [dim, nLayers, nHeads, nKvHeads, ffnDim] = sizes as [number, number, number, number, number];
    const shape = { architecture, dim, nLayers, nHeads, nKvHeads, ffnDim, ropeTheta, vocabSize };
    return findRelease({ ...config, ...shape })?.name ?? null;
  };
  const mistral = [4096, 32, 32, 8, 14336];
  // a GGUF file of Mistral says that it is a LLaMA
  for (const architecture of ["Mistral", "LLaMA"]) {
    assert.equal(shaped(architecture, mistral, 1e4, 32000), "Mistral 7B v0.1");
    assert.equal(shaped(architecture, mistral, 1e6, 32768), "Mistral 7B v0.3");
  }
  assert.equal(shaped("LLaMA", mistral, 5e5, 128256), "Llama 3 8B");
  assert.equal(shaped("Qwen2", [3584, 28, 28, 4, 18944], 1e6, 152064), "Qwen2 or Qwen2.5 7B");
  assert.equal(shaped("Qwen3", [1024, 28, 16, 8, 3072], 1e6, 151936), "Qwen3 0.6B");
  assert.equal(shaped("LLaMA", [1024, 28, 16, 8, 3072], 1e6, 151936), null);
  assert.equal(shaped("SmolLM3", [2048, 36, 16, 4, 11008], 5e6, 128256), "SmolLM3 3B");
  assert.equal(shaped("LLaMA", [576, 30, 9, 3, 1536], 1e5, 49152), "SmolLM2 135M");
});
