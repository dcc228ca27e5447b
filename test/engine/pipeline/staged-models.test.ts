/** Every kind of model gives the same bits in stages: with several ranks in a host, windows, norms of heads. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Engine } from "../../../src/engine/engine.js";
import type { ModelEngine } from "../../../src/engine/host/model-engine.js";
import { type Checkpoint, openCheckpoint } from "../../../src/model/checkpoint/checkpoint.js";
import { demo } from "../../folders.js";
import { relatives, writeRelative } from "../../model/random-weights.js";
import { cut, LocalRing } from "./local-ring.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-stages-"));
after(() => rmSync(root, { recursive: true }));

/** Logits of a prompt, which begins in two chunks, and of tokens after it. */
async function use(engine: ModelEngine, ids: readonly number[]): Promise<Float32Array[]> {
  const sequence = engine.newSequence();
  const promptLength = ids.length;
  const all: Float32Array[] = [];
  const run = async (position: number, tokens: readonly number[], rest: { promptLength?: number } = {}) =>
    all.push(...(await engine.forward([{ sequence, position, tokens, logits: "all", ...rest }])));
  await run(0, ids.slice(0, 9), { promptLength });
  await run(9, ids.slice(9), { promptLength });
  for (const at of [0, 1]) await run(promptLength + at, [ids[at]!]);
  return all;
}

async function compare(
  checkpoint: Checkpoint,
  ids: readonly number[],
  options: { dtype: "fp32" | "int8" | "int4"; worldSize: number },
) {
  const { nLayers } = checkpoint.config;
  const settings = { ...options, maxSeqLen: 128, threadsPerRank: 1 };
  const one = await Engine.start(checkpoint, settings);
  const wanted = await use(one, ids);
  await one.close();
  const ring = await LocalRing.start(checkpoint, cut(nLayers, Math.ceil(nLayers / 2)), settings);
  assert.deepEqual(await use(ring.pipeline, ids), wanted);
  await ring.close();
}

/** Each kind of what LLaMA does not have is in one of them. */
const NAMES = ["ministral", "qwen2 with windows", "qwen3 with windows and biases", "smollm3 with windows and biases"];

for (const name of NAMES) {
  test(`${name} in two stages`, async () => {
    const model = relatives.models[name]!;
    const dir = writeRelative(join(root, name), model);
    const checkpoint = openCheckpoint(dir, Number(model.config.vocab_size));
    await compare(checkpoint, relatives.ids.slice(0, 40), { dtype: "fp32", worldSize: 1 });
  });
}

test("two ranks in each host", async () => {
  const ids = Array.from({ length: 40 }, (_, i) => 1 + i * 31);
  await compare(openCheckpoint(demo, 2048), ids, { dtype: "int4", worldSize: 2 });
});
