#!/usr/bin/env node
/**
 * Writes a model of random numbers to a folder, in Hugging Face's form and bfloat16: a shape without its files, for commands that
 * want a folder. The tokenizer is the demo model's, with its 2,048 tokens, or another file with this number of tokens.
 *   node bench/random-model.js --out DIR [--dim 4096] [--hidden 11008] [--layers 4] [--heads 32] \
 *     [--tokenizer FILE --vocabulary 128256]
 */
import { copyFileSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    out: { type: "string" },
    dim: text("4096"),
    hidden: text("11008"),
    layers: text("4"),
    heads: text("32"),
    vocabulary: text("2048"),
    tokenizer: { type: "string" },
  },
});
const [dim, hidden, layers, heads, VOCABULARY] = ["dim", "hidden", "layers", "heads", "vocabulary"].map((name) =>
  Number(values[name]),
);
const CONTEXT = 2048;

const shapes = new Map([
  ["model.embed_tokens.weight", [VOCABULARY, dim]],
  ["model.norm.weight", [dim]],
  ["lm_head.weight", [VOCABULARY, dim]],
]);
for (let layer = 0; layer < layers; layer++) {
  const add = (name, ...shape) => shapes.set(`model.layers.${layer}.${name}.weight`, shape);
  for (const name of ["q", "k", "v", "o"]) add(`self_attn.${name}_proj`, dim, dim);
  for (const name of ["gate", "up"]) add(`mlp.${name}_proj`, hidden, dim);
  add("mlp.down_proj", dim, hidden);
  add("input_layernorm", dim);
  add("post_attention_layernorm", dim);
}

mkdirSync(values.out, { recursive: true });
const config = {
  ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", torch_dtype: "bfloat16" },
  ...{ hidden_size: dim, intermediate_size: hidden, num_hidden_layers: layers, num_attention_heads: heads },
  ...{ num_key_value_heads: heads, rms_norm_eps: 1e-5, rope_theta: 10000, vocab_size: VOCABULARY },
  ...{ max_position_embeddings: CONTEXT, tie_word_embeddings: false, bos_token_id: 1, eos_token_id: 2 },
};
writeFileSync(join(values.out, "config.json"), JSON.stringify(config));
copyFileSync(
  values.tokenizer ?? fileURLToPath(new URL("../models/demo/tokenizer.model", import.meta.url)),
  join(values.out, "tokenizer.model"),
);

let offset = 0;
const header = {};
for (const [name, shape] of shapes) {
  const bytes = 2 * shape.reduce((a, b) => a * b);
  header[name] = { dtype: "BF16", shape, data_offsets: [offset, offset + bytes] };
  offset += bytes;
}
const head = Buffer.from(JSON.stringify(header));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(head.length));
const file = openSync(join(values.out, "model.safetensors"), "w");
writeSync(file, length);
writeSync(file, head);
for (const [name, shape] of shapes) {
  const count = shape.reduce((a, b) => a * b);
  // Norms are 1; the rest has the spread that keeps activations as large as they are.
  const rows = name.includes("norm") ? constant(count) : random(count, 1 / Math.sqrt(shape.at(-1)));
  for (const part of rows) writeSync(file, part);
}

function* constant(count) {
  yield Buffer.from(new Uint16Array(count).fill(0x3f80).buffer);
}

/** A million numbers again and again, from another place each time: their rows differ. */
function* random(count, spread) {
  const floats = new Float32Array((1 << 20) + 7);
  let state = count;
  for (let i = 0; i < floats.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    floats[i] = (state / 2 ** 31 - 1) * spread * Math.sqrt(3);
  }
  const bits = new Uint32Array(floats.buffer);
  const numbers = Uint16Array.from(bits, (value) => value >>> 16);
  for (let done = 0; done < count; done += numbers.length) {
    yield Buffer.from(numbers.buffer, 0, 2 * Math.min(numbers.length, count - done));
  }
}
