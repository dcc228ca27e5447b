/** Shapes of released models by name, as checkpoints of random numbers: to measure a model without its files. Reads no file. */
import { LlamaError } from "../../error.js";
import { tensorTable } from "../architecture/tensor-table.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { resolveConfig } from "../config/meta-params.js";

const LLAMA3 = { vocab_size: 128256, rope_theta: 500000 };
const SCALED = { use_scaled_rope: true };
const LLAMA3_8B = {
  ...{ dim: 4096, n_layers: 32, n_heads: 32, n_kv_heads: 8, ...LLAMA3 },
  ...{ multiple_of: 1024, ffn_dim_multiplier: 1.3 },
};
const LLAMA3_70B = {
  ...{ dim: 8192, n_layers: 80, n_heads: 64, n_kv_heads: 8, ...LLAMA3 },
  ...{ multiple_of: 4096, ffn_dim_multiplier: 1.3 },
};

/** params.json of the released models. */
export const PRESETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  // from llama2.c, for a quick test
  "260K": { dim: 64, n_layers: 5, n_heads: 8, n_kv_heads: 4, vocab_size: 512, multiple_of: 4 },
  "7B": { dim: 4096, n_layers: 32, n_heads: 32, vocab_size: 32000, multiple_of: 256 },
  "13B": { dim: 5120, n_layers: 40, n_heads: 40, vocab_size: 32000, multiple_of: 256 },
  "33B": { dim: 6656, n_layers: 60, n_heads: 52, vocab_size: 32000, multiple_of: 256 },
  "65B": { dim: 8192, n_layers: 80, n_heads: 64, vocab_size: 32000, multiple_of: 256 },
  "70B": {
    ...{ dim: 8192, n_layers: 80, n_heads: 64, n_kv_heads: 8, vocab_size: 32000 },
    ...{ multiple_of: 4096, ffn_dim_multiplier: 1.3 },
  },
  "34B": {
    ...{ dim: 8192, n_layers: 48, n_heads: 64, n_kv_heads: 8, vocab_size: 32000 },
    ...{ multiple_of: 256, ffn_dim_multiplier: 1, rope_theta: 1e6 },
  },
  "3-8B": LLAMA3_8B,
  "3-70B": LLAMA3_70B,
  "3.1-8B": { ...LLAMA3_8B, ...SCALED },
  "3.1-70B": { ...LLAMA3_70B, ...SCALED },
  "3.1-405B": {
    ...{ dim: 16384, n_layers: 126, n_heads: 128, n_kv_heads: 8, ...LLAMA3, ...SCALED },
    ...{ multiple_of: 4096, ffn_dim_multiplier: 1.2 },
  },
  "3.2-1B": {
    ...{ dim: 2048, n_layers: 16, n_heads: 32, n_kv_heads: 8, ...LLAMA3, ...SCALED },
    ...{ multiple_of: 256, ffn_dim_multiplier: 1.5 },
  },
  "3.2-3B": {
    ...{ dim: 3072, n_layers: 28, n_heads: 24, n_kv_heads: 8, ...LLAMA3, ...SCALED },
    ...{ multiple_of: 256, ffn_dim_multiplier: 1 },
  },
};

/** A checkpoint without files: the shape of a preset, with its first `layers` layers, and numbers made from the seed. */
export function presetCheckpoint(name: string, layers?: number, seed = 1): Checkpoint {
  const params = PRESETS[name];
  if (!params) {
    const expected = Object.keys(PRESETS).join(", ");
    throw new LlamaError("usage", "unknown preset", { expected: `one of ${expected}`, found: name });
  }
  const values = new Map(Object.entries({ ...params, ...(layers !== undefined && { n_layers: layers }) }));
  return randomCheckpoint(`preset ${name}`, values, seed);
}

/** The same for any params.json. */
export function randomCheckpoint(name: string, params: ReadonlyMap<string, unknown>, seed = 1): Checkpoint {
  const raw = { file: name, values: new Map(params), unknownKeys: [] };
  const config = resolveConfig(raw, params.get("vocab_size") as number);
  const table = tensorTable(config);
  const parameterCount = table.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  return {
    dir: name,
    ...{ format: "preset", container: "random numbers" },
    config,
    shardCount: 1,
    dtype: "fp16",
    parameterCount,
    byteLength: parameterCount * 2,
    tensors: new Map(table.map(({ name, shape }) => [name, { name, shape, axis: null, pieces: [] }])),
    unexpected: [],
    differing: [],
    unknownParams: [],
    stamps: [],
    seed,
  };
}
