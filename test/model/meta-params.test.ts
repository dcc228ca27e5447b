import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { LlamaError } from "../../src/error.js";
import { readParams, resolveConfig } from "../../src/model/config/meta-params.js";
import { fixture } from "../folders.js";
import { SIZES } from "./sizes.js";

const dir = mkdtempSync(join(tmpdir(), "llama-params-"));
after(() => rmSync(dir, { recursive: true }));

const small = { dim: 16, multiple_of: 8, n_heads: 4, n_kv_heads: 2, n_layers: 2, norm_eps: 1e-5, vocab_size: 512 };

function read(params: unknown) {
  writeFileSync(join(dir, "params.json"), typeof params === "string" ? params : JSON.stringify(params));
  return readParams(dir);
}

const resolve = (params: unknown, vocabSize = 512) => resolveConfig(read(params), vocabSize);

function refuses(action: () => unknown, ...patterns: RegExp[]) {
  assert.throws(action, (error) => {
    assert.ok(error instanceof LlamaError, String(error));
    assert.equal(error.kind, "model");
    assert.doesNotMatch(error.message, /\n/);
    for (const pattern of [/params\.json/, ...patterns]) assert.match(error.message, pattern);
    return true;
  });
}

describe("resolveConfig", () => {
  for (const { name, params, ffnDim } of SIZES) {
    it(`computes the feed-forward width of ${name}`, () => {
      const config = resolve(params, params.vocab_size);
      assert.equal(config.ffnDim, ffnDim);
      assert.equal(config.headDim * config.nHeads, config.dim);
      assert.equal(config.nKvHeads, params.n_kv_heads ?? params.n_heads);
    });
  }

  it("fills in Meta's defaults", () => {
    assert.deepEqual(resolve({ dim: 16, n_heads: 4, n_layers: 2 }, 77), {
      dim: 16,
      nLayers: 2,
      nHeads: 4,
      nKvHeads: 4,
      headDim: 4,
      ffnDim: 256,
      vocabSize: 77,
      normEps: 1e-5,
      rotation: "interleaved",
      ropeTheta: 10000,
      ropeScaling: null,
      architecture: "LLaMA",
      biases: { qkv: false, wo: false, ffn: false },
      headNorms: false,
      windows: [],
      unrotatedLayers: [],
      contextLength: null,
    });
  });

  it("reads the keys of Mistral's files", () => {
    const mistral = { ...small, multiple_of: undefined, hidden_dim: 40, head_dim: 8 };
    const { headDim, ffnDim, ropeTheta, windows, architecture } = resolve(mistral);
    assert.deepEqual([headDim, ffnDim, ropeTheta, windows, architecture], [8, 40, 1e6, [], "Mistral"]);
    const limited = resolve({ ...mistral, sliding_window: 16 });
    assert.deepEqual([limited.ropeTheta, limited.windows], [1e4, [16, 16]]);
    assert.deepEqual(resolve({ ...mistral, sliding_window: [null, 16] }).windows, [null, 16]);
    assert.deepEqual(resolve({ ...mistral, sliding_window: [null] }).windows, []);
    for (const sliding_window of [1.5, "16", [16, 16, 16], [0], []]) {
      refuses(() => resolve({ ...mistral, sliding_window }), /bad sliding_window/);
    }
    refuses(() => resolve({ ...mistral, tied_embeddings: true }), /tied_embeddings means .* not supported/);
    refuses(() => resolve({ ...mistral, hidden_dim: "40" }), /bad hidden_dim/);
  });

  it("reads null as absent, and -1 as the tokenizer's count", () => {
    const config = resolve({ ...small, n_kv_heads: null, ffn_dim_multiplier: null, vocab_size: -1 }, 600);
    assert.equal(config.nKvHeads, 4);
    assert.equal(config.vocabSize, 600);
  });

  it("scales rotation with use_scaled_rope", () => {
    const { ropeScaling } = resolve({ ...small, use_scaled_rope: true });
    assert.deepEqual(ropeScaling, { kind: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4, oldContext: 8192 });
  });

  it("names both counts if vocab_size differs from the tokenizer's", () => {
    refuses(() => resolve(small, 513), /vocab_size/, /513/, /512/);
  });

  const wrong: [string, unknown][] = [
    ["dim", -16],
    ["dim", 16.5],
    ["dim", 1e300],
    ["dim", "16"],
    ["dim", undefined],
    ["dim", null],
    ["n_layers", undefined],
    ["n_layers", 0],
    ["n_layers", 1e9],
    ["n_heads", 0],
    ["n_heads", 3],
    ["n_heads", 16],
    ["n_kv_heads", 0],
    ["n_kv_heads", 3],
    ["n_kv_heads", 8],
    ["multiple_of", 0],
    ["ffn_dim_multiplier", "1.3"],
    ["ffn_dim_multiplier", 0],
    ["ffn_dim_multiplier", 1e300],
    ["ffn_dim_multiplier", 1e-9],
    ["norm_eps", -1],
    ["rope_theta", 0],
    ["use_scaled_rope", "yes"],
    ["vocab_size", 0],
    ["vocab_size", 1e12],
  ];
  for (const [key, value] of wrong) {
    it(`rejects ${key} ${JSON.stringify(value)}`, () => {
      refuses(() => resolve({ ...small, [key]: value }), new RegExp(`bad ${key}; expected .*, found `));
    });
  }
});

describe("readParams", () => {
  it("accepts a byte order mark and CRLF", () => {
    assert.equal(readParams(fixture("odd/params-bom-crlf")).values.get("dim"), 16);
  });

  it("lists unknown keys", () => {
    assert.deepEqual(readParams(fixture("odd/params-unknown-key")).unknownKeys, ["my_note"]);
    assert.deepEqual(read('{"dim": 16, "__proto__": {"n_layers": 2}}').unknownKeys, ["__proto__"]);
  });

  it("reads the values inside a model key", () => {
    assert.deepEqual(resolve({ model: small, other: 1 }), resolve(small));
  });

  const broken: [string, unknown, RegExp][] = [
    ["an empty file", "", /not valid JSON.*empty/],
    ["truncated JSON", '{"dim": 16,\n', /not valid JSON/],
    ["Python's NaN", '{"dim": 16, "norm_eps": NaN}', /not valid JSON.*NaN/],
    ["Python's -Infinity", '{"dim": 16, "norm_eps": -Infinity}', /not valid JSON.*-Infinity/],
    ["an array", [], /must be a JSON object/],
    ["null", null, /must be a JSON object.*null/],
    ["a number under model", { model: 3 }, /must be a JSON object/],
    ["a mixture of experts", { ...small, moe: { num_experts: 8 } }, /moe .*mixture of experts.*not supported/],
    ["quantised weights", { ...small, quantization_args: { scheme: "int4" } }, /quantised.*not supported/],
    ["a vision model", { ...small, vision_num_cross_attention_layers: 8 }, /vision model.*not supported/],
  ];
  for (const [what, params, pattern] of broken) {
    it(`rejects ${what}`, () => refuses(() => read(params), pattern));
  }

  it("ignores features that are switched off", () => {
    resolve({ ...small, vision_chunk_size: -1, quantization_args: null, lora_args: null, sliding_window: null });
  });

  it("says that the file is missing", () => {
    refuses(() => readParams(join(dir, "none")), /file is missing/);
  });
});
