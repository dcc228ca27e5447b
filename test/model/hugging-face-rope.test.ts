/** test/fixtures/rope.json has what transformers 5 (LlamaRotaryEmbedding) computes for many settings of a config.json. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { attentionFactor, ropeFrequencies, ropeTables } from "../../src/model/architecture/rope.js";
import { readHfRope } from "../../src/model/config/hugging-face-rope.js";
import { readParams, resolveConfig } from "../../src/model/config/meta-params.js";
import { fixture, readJson } from "../folders.js";

interface Case {
  config: Record<string, unknown>;
  inv_freq: number[];
  scaling: number;
  theta: number;
}

const CASES = readJson<Case[]>(fixture("rope.json"));
/** Two units in the last place of float32: torch's power is not rounded correctly. */
const NEAR = 2 * 2 ** -23;

function read(config: Record<string, unknown>) {
  const values = new Map(Object.entries(config));
  const rope = readHfRope({ file: "config.json", values }, (config.max_position_embeddings as number) ?? 4096, 10000);
  return { headDim: (config.head_dim as number) ?? 32, ...rope };
}

describe("rotation as in transformers", () => {
  for (const { config, inv_freq, scaling, theta } of CASES) {
    it(`with ${JSON.stringify(config)}`, () => {
      const rope = read(config);
      assert.equal(rope.ropeTheta, theta);
      const frequencies = ropeFrequencies(rope);
      assert.equal(frequencies.length, inv_freq.length);
      for (const [pair, expected] of inv_freq.entries()) {
        const difference = Math.abs(frequencies[pair]! - expected);
        assert.ok(difference <= NEAR * expected, `pair ${pair}: ${frequencies[pair]}, not ${expected}`);
      }
      assert.ok(Math.abs(attentionFactor(rope) - scaling) <= 1e-12, `${attentionFactor(rope)}, not ${scaling}`);
    });
  }

  it("scales cosines and sines with yarn", () => {
    const config = resolveConfig(readParams(fixture("odd/base-valid")), 512);
    const rope = read({ rope_scaling: { rope_type: "yarn", factor: 8, original_max_position_embeddings: 2048 } });
    const { cos, sin } = ropeTables({ ...config, ...rope }, 4);
    const factor = Math.fround(0.1 * Math.log(8) + 1);
    assert.deepEqual([cos[0], sin[0]], [factor, 0]);
    const angle = Math.fround(3 * ropeFrequencies(rope)[1]!);
    assert.equal(cos[3 * 16 + 1], Math.fround(Math.fround(Math.cos(angle)) * factor));
    assert.equal(sin[3 * 16 + 1], Math.fround(Math.fround(Math.sin(angle)) * factor));
  });

  const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 4 };
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ rope_scaling: { type: "su", factor: 2 } }, /rope_scaling: rope scaling of type "su" is not supported; expected/],
    [{ rope_parameters: { rope_type: "longrope", factor: 2 } }, /rope_parameters: .*type "longrope" is not supported/],
    [{ rope_scaling: { rope_type: 3 } }, /rope scaling of type 3 is not supported/],
    [{ rope_scaling: { rope_type: "linear" } }, /bad factor; expected a positive number, found no value/],
    [{ rope_scaling: { rope_type: "linear", factor: "4" } }, /bad factor; expected a positive number, found "4"/],
    [{ rope_scaling: { rope_type: "dynamic", factor: -1 } }, /bad factor/],
    [{ rope_scaling: llama3 }, /bad high_freq_factor; expected more than low_freq_factor 4, found 4/],
    [{ rope_scaling: { rope_type: "yarn", factor: 2, truncate: 1 } }, /bad truncate; expected true or false, found 1/],
    [{ rope_scaling: { rope_type: "yarn", factor: 2, beta_fast: -1 } }, /bad beta_fast/],
    [{ rope_theta: 1, rope_scaling: { rope_type: "yarn", factor: 2 } }, /bad rope_theta/],
    [{ rope_theta: 0 }, /bad rope_theta; expected a positive number, found 0/],
    [{ rope_parameters: { full_attention: { rope_theta: 1e4 } } }, /rotation that differs between layers/],
    [{ partial_rotary_factor: 0.5 }, /bad partial_rotary_factor; expected 1: .*found 0\.5/],
    [{ rope_parameters: { partial_rotary_factor: 0.25 } }, /bad partial_rotary_factor/],
    [{ rope_scaling: 8 }, /rope_scaling: must be a JSON object/],
  ];
  for (const [config, message] of wrong) {
    it(`refuses ${JSON.stringify(config)}`, () => {
      assert.throws(() => read(config), { name: "LlamaError", kind: "model", message });
    });
  }
});
