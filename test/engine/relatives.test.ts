import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Llama } from "../../src/index.js";
import { hfName, TENSORS, tensorName } from "../../src/model/architecture/tensor-table.js";
import { fixture } from "../folders.js";
import { maxDifference } from "../max-difference.js";
import { safetensors } from "../model/hugging-face-folder.js";
import { type RelativeModel, randomWeights, relatives, writeRelative } from "../model/random-weights.js";

const TOLERANCE = 1e-4;
const { ids, stride, prompt, models } = relatives;

const root = mkdtempSync(join(tmpdir(), "llama-ts-relatives-"));
after(() => rmSync(root, { recursive: true }));

let worst = 0;
after(() => console.log(`# largest difference between a logit and that of transformers: ${worst.toExponential(2)}`));

for (const [name, model] of Object.entries(models)) {
  describe(name, () => {
    const ckptDir = writeRelative(join(root, name), model);
    const prompts = Object.entries(model.logits).map(
      ([length, logits]) => [ids.slice(0, Number(length)), logits] as const,
    );

    // 3 KV heads do not divide evenly over 2 ranks; with 4 ranks (and with one KV head) ranks share a KV head.
    for (const nprocPerNode of [1, 2, 3, 4]) {
      test(`has the logits and the greedy tokens of transformers with ${nprocPerNode} ranks`, async () => {
        const llama = await Llama.build({ ckptDir, dtype: "fp32", nprocPerNode, threadsPerRank: 1, maxSeqLen: 512 });
        try {
          assert.equal(llama.worldSize, nprocPerNode);
          for (const [tokens, wanted] of prompts) {
            const logits = (await llama.logits(tokens)).filter((_, id) => id % stride === 0);
            const difference = maxDifference(logits, wanted);
            worst = Math.max(worst, difference);
            assert.ok(difference <= TOLERANCE, `logits after ${tokens.length} tokens differ by ${difference}`);
          }
          const { tokens } = await llama.generate([ids.slice(0, prompt)], {
            temperature: 0,
            maxGenLen: model.greedy.length,
          });
          assert.deepEqual(tokens[0], model.greedy);
        } finally {
          await llama.close();
        }
      });
    }

    for (const [dtype, tolerance] of [
      ["int8", 0.15],
      ["int4", 0.9],
    ] as const) {
      test(`stays near with ${dtype} weights`, async (t) => {
        for (const nprocPerNode of [1, 3]) {
          const llama = await Llama.build({ ckptDir, dtype, nprocPerNode, threadsPerRank: 1, maxSeqLen: 512 });
          try {
            for (const [tokens, wanted] of prompts) {
              const logits = (await llama.logits(tokens)).filter((_, id) => id % stride === 0);
              const error = rootMeanSquare(wanted.map((x, i) => x - logits[i]!)) / rootMeanSquare(wanted);
              t.diagnostic(`${nprocPerNode} ranks, ${tokens.length} tokens: ${(100 * error).toFixed(1)} %`);
              assert.ok(error <= tolerance, `logits after ${tokens.length} tokens differ by ${error}`);
            }
          } finally {
            await llama.close();
          }
        }
      });
    }
  });
}

describe("a window shorter than the prompts", () => {
  const ckptDir = writeRelative(join(root, "window"), models["mistral with layer_types"]!);
  const greedy = { temperature: 0, maxGenLen: 30, cachePrompt: false, promptLookupNumTokens: 0 };
  let llama: Llama;
  before(async () => {
    llama = await Llama.build({ ckptDir, dtype: "fp32", nprocPerNode: 2, threadsPerRank: 1, maxSeqLen: 512 });
  });
  after(() => llama.close());
  const alone = async (prompt: readonly number[]) => (await llama.generate([prompt], greedy)).tokens[0]!;

  test("holds for every sequence of a batch", async () => {
    const prompts = [ids.slice(0, 5), ids.slice(40, 60), ids.slice(100, 170), ids.slice(0, 9)];
    const together = await llama.generate(prompts, greedy);
    for (const [i, prompt] of prompts.entries()) {
      const tokens = await alone(prompt);
      assert.deepEqual(together.tokens[i]!.slice(0, tokens.length), tokens, `prompt ${i}`);
    }
  });

  test("holds where a later prompt continues in a kept KV cache", async () => {
    const prompt = ids.slice(0, 290);
    const whole = await alone(prompt);
    const options = { ...greedy, cachePrompt: true };
    await llama.generate([ids.slice(0, 150)], options);
    assert.deepEqual((await llama.generate([prompt], options)).tokens[0], whole);
  });

  test("holds for drafted tokens", async () => {
    const pattern = await alone(ids.slice(0, 30));
    const prompt = [...ids.slice(0, 30), ...pattern, ...ids.slice(0, 30), ...pattern.slice(0, 4)];
    const plain = await alone(prompt);
    for (const promptLookupNumTokens of [1, 5, 10]) {
      const drafted = await llama.generate([prompt], { ...greedy, promptLookupNumTokens });
      assert.deepEqual(drafted.tokens[0], plain, `${promptLookupNumTokens} drafts`);
    }
  });
});

test("a start from the weight cache computes the same bits", async () => {
  // Wide enough that the runtime saves sessions: biases, norms and graphs without rotation are in them.
  const widths = new Map<number, number>([
    [96, 1280],
    [48, 256],
    [160, 2048],
    [16, 128],
    [32, 128],
  ]);
  const shape = {
    hidden_size: 1280,
    intermediate_size: 2048,
    num_attention_heads: 10,
    num_key_value_heads: 2,
    head_dim: 128,
  };
  for (const name of ["qwen3 with windows and biases", "smollm3"]) {
    const { tensors, ...model } = models[name]!;
    const wide = Object.entries(tensors).map(([key, sizes]) => [key, sizes.map((size) => widths.get(size) ?? size)]);
    const ckptDir = writeRelative(join(root, `wide ${name}`), { ...model, tensors: Object.fromEntries(wide) }, shape);
    const computed: Float32Array[] = [];
    for (const state of ["written", "opened"]) {
      const options = { ckptDir, dtype: "int8", nprocPerNode: 1, cacheDir: join(root, "cache") } as const;
      const llama = await Llama.build(options);
      try {
        assert.equal(llama.weightCache.state, state);
        computed.push(await llama.logits(ids.slice(0, 20)));
      } finally {
        await llama.close();
      }
    }
    assert.deepEqual(computed[1], computed[0]);
  }
});

describe("Mistral's own files", () => {
  // Meta's names, neighbours as pairs of rotation, and a params.json with keys of Mistral's.
  function writeMistral(dir: string, { config, tensors }: RelativeModel, params: object): string {
    const headDim = (config.head_dim as number | undefined) ?? 16;
    const names = new Map(
      Object.values(TENSORS).flatMap((kind) =>
        [0, 1, 2].map((layer) => [hfName(kind, layer), tensorName(kind, layer)]),
      ),
    );
    const stored = Object.entries(tensors).map(([name, shape]) => {
      const numbers = randomWeights(name, shape);
      const columns = shape[1] ?? 1;
      const rows = new Float32Array(numbers.length);
      for (let row = 0; row < shape[0]!; row++) {
        const inHead = row % headDim;
        const halved = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2);
        const from = /\.[qk]_proj\./.test(name) ? halved : row;
        rows.set(numbers.subarray(from * columns, (from + 1) * columns), row * columns);
      }
      return { name: names.get(name)!, shape, data: new Uint8Array(rows.buffer) };
    });
    mkdirSync(dir);
    const shape = {
      dim: 96,
      n_layers: 3,
      n_heads: 6,
      n_kv_heads: 3,
      head_dim: headDim,
      hidden_dim: 160,
      norm_eps: 1e-5,
    };
    writeFileSync(join(dir, "params.json"), JSON.stringify({ ...shape, vocab_size: 512, ...params }));
    writeFileSync(join(dir, "consolidated.safetensors"), safetensors("F32", stored));
    copyFileSync(fixture("own512.model"), join(dir, "tokenizer.model"));
    return dir;
  }

  for (const [name, params] of [
    ["mistral", { sliding_window: 8, rope_theta: 1e6 }],
    ["mistral without a window", { rope_theta: 1e4 }],
    ["mistral with layer_types", { sliding_window: [8, null, 8], rope_theta: 1e4 }],
  ] as const) {
    test(`have the logits of ${name}`, async () => {
      const ckptDir = writeMistral(join(root, `own ${name}`), models[name]!, params);
      const llama = await Llama.build({ ckptDir, dtype: "fp32", nprocPerNode: 2, threadsPerRank: 1 });
      try {
        for (const [length, wanted] of Object.entries(models[name]!.logits)) {
          const logits = (await llama.logits(ids.slice(0, Number(length)))).filter((_, id) => id % stride === 0);
          assert.ok(maxDifference(logits, wanted) <= TOLERANCE);
        }
      } finally {
        await llama.close();
      }
    });
  }
});

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
