/**
 * Log-likelihoods and figures against lm-evaluation-harness 0.4.13, which ran its own tasks on the same documents and the demo model
 * (fixtures/lm-eval/expected.json; its ids were run by `score`): contexts, BOS, truncation, windows, choices.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { selectTasks } from "../../src/evaluation/benchmarks/registry.js";
import { figures } from "../../src/evaluation/results/figures.js";
import { taskHash } from "../../src/evaluation/results/sample-lines.js";
import { Llama } from "../../src/index.js";
import { demo, fixture, readJson } from "../folders.js";
import { evaluateAll } from "./evaluate-all.js";

interface Expected {
  task: string;
  num_fewshot: number;
  max_seq_len: number;
  task_hash: string;
  figures: Record<string, number | "N/A">;
  /** For each document and request: log-likelihood and whether it is greedy, the log-likelihood of a whole text, or a text. */
  responses: ([number, boolean] | [number] | string)[][];
}

const FOLDER = fixture("lm-eval");
const runs = readJson<Expected[]>(`${FOLDER}/expected.json`);
const models = new Map<number, Promise<Llama>>();
const modelOf = (maxSeqLen: number) => {
  const model = models.get(maxSeqLen) ?? Llama.build({ ckptDir: demo, maxSeqLen, nprocPerNode: 1 });
  models.set(maxSeqLen, model);
  return model;
};

describe("as lm-evaluation-harness", () => {
  after(async () => {
    for (const model of models.values()) await (await model).close();
  });

  for (const { task, num_fewshot: shots, max_seq_len: maxSeqLen, ...expected } of runs) {
    test(`${task}, ${shots} examples, a context of ${maxSeqLen} tokens`, async () => {
      const { tasks } = selectTasks([task]);
      const { results } = await evaluateAll(await modelOf(maxSeqLen), FOLDER, tasks, { shots, seed: 1234 });
      const [result] = results;
      const { documents } = result!;
      assert.equal(documents.length, expected.responses.length);
      for (const [i, { responses, error }] of documents.entries()) {
        assert.equal(error, null);
        assert.equal(responses.length, expected.responses[i]!.length);
        for (const [j, response] of responses.entries()) {
          const wanted = expected.responses[i]![j]!;
          if ("text" in response) assert.equal(response.text, wanted);
          else {
            const [logprob, greedy] = wanted as [number, boolean?];
            const distance = Math.abs(response.logLikelihood - logprob);
            // Sums over hundreds of tokens differ by more of their last bits.
            assert.ok(
              distance < Math.max(1e-4, 1e-6 * Math.abs(logprob)),
              `document ${i}: ${response.logLikelihood}, ${logprob}`,
            );
            if (greedy !== undefined) assert.equal(response.greedy, greedy);
          }
        }
      }
      // Of the documents, the prompts and the targets.
      assert.equal(taskHash(result!), expected.task_hash);
      const rows = figures(results, []);
      for (const [key, value] of Object.entries(expected.figures)) {
        if (key.includes("_stderr")) continue;
        const row = rows.find(({ metric, filter }) => `${metric},${filter}` === key)!;
        assert.ok(
          Math.abs(row.value - (value as number)) < 1e-5 * Math.max(1, row.value),
          `${key}: ${row.value}, ${value}`,
        );
        const stderr = expected.figures[key.replace(",", "_stderr,")];
        if (stderr === "N/A") assert.equal(row.stderr, null);
        else assert.ok(Math.abs(row.stderr! - stderr!) < 1e-5, `${key}: stderr ${row.stderr}, ${stderr}`);
      }
    });
  }

  test("the perplexity of a text is known without its BOS after BOS too", async () => {
    const llama = await modelOf(512);
    const { results } = await evaluateAll(llama, FOLDER, selectTasks(["wikitext"]).tasks, { seed: 1234, limit: 2 });
    const rows = figures(results, []);
    const value = (name: string) => rows.find(({ metric }) => metric === name)!.value;
    const bytes = results[0]!.documents.reduce(
      (sum, { instance }) => sum + Buffer.byteLength(String(instance.doc.page)),
      0,
    );
    for await (const { score } of llama.score([{ tag: 0, context: [1], continuation: [1] }])) {
      const bits = (-2 * score!.logprob) / bytes / Math.LN2;
      assert.ok(bits > 0.001);
      assert.ok(Math.abs(value("bits_per_byte") - value("bits_per_byte_of_text") - bits) < 1e-4);
    }
  });
});
