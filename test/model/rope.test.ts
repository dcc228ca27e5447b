import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ropeFrequencies, ropeTables } from "../../src/model/architecture/rope.js";
import { readParams, resolveConfig } from "../../src/model/config/meta-params.js";
import { fixture, shared, withoutShared } from "../folders.js";

const config = resolveConfig(readParams(fixture("odd/base-valid")), 512);

function near(actual: number, expected: number, relative: number) {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not near ${expected}`);
}

describe("ropeTables", () => {
  it("rotates pair j at position p by p * theta^(-2j / headDim)", () => {
    const { cos, sin } = ropeTables({ ...config, headDim: 8, ropeTheta: 10000 }, 5);
    assert.equal(cos.length, 5 * 4);
    for (let position = 0; position < 5; position++) {
      for (let pair = 0; pair < 4; pair++) {
        const angle = position * 10000 ** (-pair / 4);
        assert.ok(Math.abs(cos[position * 4 + pair]! - Math.cos(angle)) < 1e-6);
        assert.ok(Math.abs(sin[position * 4 + pair]! - Math.sin(angle)) < 1e-6);
      }
    }
  });

  it("rounds the angle to float32 before the cosine", () => {
    const { cos } = ropeTables({ ...config, headDim: 128 }, 4000);
    const frequency = ropeFrequencies({ ...config, headDim: 128 })[1]!;
    assert.equal(cos[3999 * 64 + 1], Math.fround(Math.cos(Math.fround(3999 * frequency))));
  });
});

describe("ropeFrequencies", () => {
  const ropeScaling = { kind: "llama3" as const, factor: 8, lowFreqFactor: 1, highFreqFactor: 4, oldContext: 8192 };

  it("keeps high frequencies, divides low ones and interpolates between them", () => {
    const plain = ropeFrequencies({ ...config, headDim: 128, ropeTheta: 500000 });
    const scaled = ropeFrequencies({ ...config, headDim: 128, ropeTheta: 500000, ropeScaling });
    plain.forEach((frequency, pair) => {
      const wavelength = (2 * Math.PI) / frequency;
      const ratio = scaled[pair]! / frequency;
      if (wavelength < 2048) assert.equal(ratio, 1);
      else if (wavelength > 8192) assert.equal(ratio, 1 / 8);
      else assert.ok(ratio > 1 / 8 && ratio < 1);
    });
  });

  it("returns the scaled frequencies of the reference", { skip: withoutShared }, () => {
    const golden = JSON.parse(readFileSync(shared("golden/llama3mini-bf16-mp2.json"), "utf8"));
    const raw = readParams(shared("ckpt/llama3mini-bf16-mp2"));
    const frequencies = ropeFrequencies(resolveConfig(raw, raw.values.get("vocab_size") as number));
    assert.equal(frequencies.length, golden.rope_freqs.length);
    golden.rope_freqs.forEach((frequency: number, pair: number) => {
      near(frequencies[pair]!, frequency, 1e-6);
    });
  });
});
