import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { MODEL_TYPES } from "../../src/model/config/architectures.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { GGUF_ARCHITECTURES } from "../../src/model/config/gguf-architectures.js";
import { isTied, readHfConfig, resolveHfConfig } from "../../src/model/config/hugging-face-config.js";
import { fixture, readJson } from "../folders.js";

const dir = mkdtempSync(join(tmpdir(), "llama-ts-architectures-"));
after(() => rmSync(dir, { recursive: true }));

function read(config: object) {
  writeFileSync(join(dir, "config.json"), JSON.stringify(config));
  return readHfConfig(dir);
}

const sizes = {
  ...{ hidden_size: 64, intermediate_size: 96, num_hidden_layers: 6, num_attention_heads: 8, num_key_value_heads: 4 },
  vocab_size: 512,
};
const resolve = (config: object) => resolveHfConfig(read({ ...sizes, ...config }));

describe("a config.json means what it means to transformers", () => {
  interface Resolved extends Partial<ModelConfig> {
    isTied: boolean;
  }
  for (const { config, expected } of readJson<{ config: Record<string, unknown>; expected: Resolved }[]>(
    fixture("relatives/configs.json"),
  )) {
    const { model_type, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, ...rest } = config;
    const { vocab_size, pad_token_id, ...changes } = rest;
    it(`${model_type} ${JSON.stringify(changes)}`, () => {
      const raw = read(config);
      assert.deepEqual(raw.unknownKeys, []);
      const resolved: ModelConfig = resolveHfConfig(raw);
      const found = { ...resolved, isTied: isTied(raw) };
      const keys = Object.keys(expected) as (keyof Resolved)[];
      assert.deepEqual(Object.fromEntries(keys.map((key) => [key, found[key]])), expected);
    });
  }
});

describe("a config.json is refused in one line", () => {
  const refuses = (config: object, message: RegExp) =>
    assert.throws(
      () => resolve(config),
      (error: Error) => {
        assert.doesNotMatch(error.message, /\n/);
        assert.match(error.message, message);
        return error.name === "LlamaError";
      },
    );

  for (const type of [
    ...["gemma", "gemma2", "gemma3_text", "phi", "phi3", "mixtral", "qwen2_moe", "qwen3_moe", "qwen3_next", "cohere"],
    ...[
      "deepseek_v2",
      "deepseek_v3",
      "gpt_neox",
      "gpt2",
      "falcon",
      "mamba",
      "ministral3",
      "mistral3",
      "olmo2",
      "granite",
    ],
    ...["llama4", "llama4_text", "smollm", "Llama", "qwen2_vl", "", "toString", "__proto__"],
  ]) {
    it(`with model_type ${type}`, () => {
      const named = new RegExp(`config\\.json: model_type "${type}" is not supported; expected one of llama, .*qwen3`);
      refuses({ model_type: type }, named);
    });
  }

  const wrong: [object, RegExp][] = [
    [{ model_type: ["llama"] }, /model_type .* is not supported/],
    [{ model_type: "mistral", sliding_window: 0 }, /bad sliding_window; expected a positive integer.* found 0/],
    [{ model_type: "mistral", sliding_window: "4096" }, /bad sliding_window; .*found "4096"/],
    [{ model_type: "mistral", layer_types: ["full_attention"] }, /bad layer_types; expected a list with 6 entries/],
    [
      { model_type: "mistral", layer_types: Array(7).fill("full_attention") },
      /bad layer_types; expected 6 entries.*found 7/,
    ],
    [
      { model_type: "qwen3", layer_types: Array(6).fill("chunked_attention") },
      /bad layer_types; .*found "chunked_attention"/,
    ],
    [
      { model_type: "qwen2", layer_types: Array(6).fill("sliding_attention") },
      /bad layer_types; .*without a sliding_window/,
    ],
    [{ model_type: "qwen2", use_sliding_window: "no" }, /bad use_sliding_window; expected true or false/],
    [{ model_type: "qwen2", use_sliding_window: true, max_window_layers: -1 }, /bad max_window_layers/],
    [{ model_type: "smollm3", no_rope_layers: [1, 0] }, /bad no_rope_layers; .*6 entries.*found 2 entries/],
    [
      { model_type: "smollm3", no_rope_layers: Array(6).fill("1") },
      /bad no_rope_layers; expected 0 \(no rotation\) or 1/,
    ],
    [{ model_type: "smollm3", no_rope_layer_interval: 0 }, /bad no_rope_layer_interval/],
    [{ model_type: "llama", attention_bias: 1 }, /bad attention_bias; expected true or false/],
    [{ model_type: "qwen3", num_key_value_heads: 3 }, /bad num_key_value_heads/],
    [{ model_type: "qwen2", hidden_act: "gelu" }, /bad hidden_act/],
  ];
  for (const [config, message] of wrong) it(`with ${JSON.stringify(config)}`, () => refuses(config, message));

  it("only if the key is one of the architecture's own", () => {
    assert.deepEqual(read({ model_type: "llama", sliding_window: 0 }).unknownKeys, ["sliding_window"]);
    assert.deepEqual(read({ model_type: "qwen2", attention_bias: 1 }).unknownKeys, ["attention_bias"]);
  });
});

describe("a GGUF file", () => {
  const vary = (name: string, values: Record<string, unknown> = {}, tensors: readonly string[] = []) =>
    GGUF_ARCHITECTURES.get(name)!.vary({ file: "model.gguf", values: new Map(Object.entries(values)) }, 6, (tensor) =>
      tensors.includes(tensor),
    );
  const window = "attention.sliding_window";
  const pattern = "attention.sliding_window_pattern";

  it("names architectures that a config.json can have too", () => {
    for (const name of GGUF_ARCHITECTURES.keys()) assert.ok(MODEL_TYPES.has(name), name);
  });

  it("differs from LLaMA as the config.json it was made from", () => {
    const { biases, ...qwen3 } = resolve({ model_type: "qwen3" });
    const found = vary("qwen3");
    assert.deepEqual([found.headNorms, found.biases], [qwen3.headNorms, biases]);
    assert.deepEqual(vary("qwen2", {}, ["blk.0.attn_q.bias"]).biases, resolve({ model_type: "qwen2" }).biases);
    assert.deepEqual(vary("smollm3").unrotatedLayers, resolve({ model_type: "smollm3" }).unrotatedLayers);
    assert.equal(GGUF_ARCHITECTURES.get("smollm3")!.rotation, "interleaved");
  });

  it("may have a window, in all layers or in some", () => {
    assert.deepEqual(vary("llama", { [window]: 0 }).windows, []);
    assert.deepEqual(vary("llama", { [window]: 16 }).windows, Array(6).fill(16));
    assert.deepEqual(vary("llama", { [window]: 16, [pattern]: 3 }).windows, [16, 16, null, 16, 16, null]);
    const list = [true, false, false, true, false, false];
    assert.deepEqual(vary("qwen2", { [window]: 16, [pattern]: list }).windows, [16, null, null, 16, null, null]);
    assert.deepEqual(vary("qwen2", { [window]: 16, [pattern]: false }).windows, []);
    for (const bad of [[true], "all", -2, 1.5]) {
      assert.throws(() => vary("llama", { [window]: 16, [pattern]: bad }), /bad attention\.sliding_window_pattern/);
    }
    assert.throws(() => vary("llama", { [window]: -16 }), /bad attention\.sliding_window;/);
  });
});
