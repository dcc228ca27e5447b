/** Compares LLaMA's relatives in GGUF files with the logits of transformers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Llama } from "../../src/index.js";
import { fixture } from "../folders.js";
import { maxDifference } from "../max-difference.js";
import { ggufModel, writeGgufFolder } from "../model/gguf-model.js";
import { relatives, writeRelative } from "../model/random-weights.js";

const TOLERANCE = 1e-4;
const { ids, stride, prompt, models } = relatives;
const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));

for (const [name, model] of Object.entries(models)) {
  const type = String(model.config.model_type);
  const architecture = type.startsWith("mi") ? "llama" : type;
  // Which layers do not rotate follows from the architecture: a GGUF file cannot say it.
  if (model.config.no_rope_layers !== undefined) continue;
  test(`${name} as a GGUF file of the architecture ${architecture}`, async () => {
    const hf = writeRelative(join(root, `${name} hf`), model);
    const dir = writeGgufFolder(join(root, name), ggufModel(hf, 512, "F32", architecture), fixture("own512.model"));
    const nprocPerNode = 2;
    const llama = await Llama.build({ ckptDir: dir, dtype: "fp32", nprocPerNode, threadsPerRank: 1, maxSeqLen: 512 });
    try {
      for (const [length, wanted] of Object.entries(model.logits)) {
        const logits = (await llama.logits(ids.slice(0, Number(length)))).filter((_, id) => id % stride === 0);
        const difference = maxDifference(logits, wanted);
        assert.ok(difference <= TOLERANCE, `logits after ${length} tokens differ by ${difference}`);
      }
      const options = { temperature: 0, maxGenLen: model.greedy.length };
      const { tokens } = await llama.generate([ids.slice(0, prompt)], options);
      assert.deepEqual(tokens[0], model.greedy);
    } finally {
      await llama.close();
    }
  });
}
