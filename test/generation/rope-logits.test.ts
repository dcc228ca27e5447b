/** test/fixtures/rope-logits.json has the logits of transformers 5 (float32) of a small model with many settings of rotation. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Llama } from "../../src/index.js";
import { fixture, readJson } from "../folders.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";

interface Case {
  /** Changes of config.json; null: without the key. */
  config: Record<string, unknown>;
  /** The first 16 after the last of the ids. */
  logits: number[];
}

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("llama3mini-bf16-mp1");
const { config, tensors } = hfTensors(meta, 768);
const IDS = Array.from({ length: 48 }, (_, i) => (i * 37 + 11) % 768);

describe("logits as in transformers", () => {
  for (const [i, { config: changes, logits }] of readJson<Case[]>(fixture("rope-logits.json")).entries()) {
    test(`with ${JSON.stringify(changes)}`, async () => {
      const changed = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null);
      const dir = writeHfFolder(
        join(root, `${i}`),
        Object.fromEntries(changed),
        tensors,
        join(meta, "tokenizer.model"),
      );
      await using llama = await Llama.build({ ckptDir: dir, nprocPerNode: 1 + (i % 3), dtype: "fp32" });
      const found = await llama.logits(IDS);
      const differences = logits.map((logit, id) => Math.abs(found[id]! - logit));
      assert.ok(Math.max(...differences) < 1e-4, `${differences}`);
    });
  }
});
