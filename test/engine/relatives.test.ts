import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Llama } from "../../src/index.js";
import { maxDifference } from "../max-difference.js";
import { relatives, writeRelative } from "../model/random-weights.js";

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

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
