import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveMaxSeqLen } from "../../src/generation/loading/context-length.js";
import { checkMemory } from "../../src/generation/loading/memory-check.js";
import { defaultWindow } from "../../src/generation/scoring/perplexity.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { memoryNeed } from "../../src/model/sizes/memory-need.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";

const SETUP = { worldSize: 2, dtype: "int8" } as const;
const config = (contextLength: number | null): ModelConfig => {
  return { ...presetCheckpoint("3.1-8B").config, contextLength };
};
const memory = (available: number) => ({ total: 1e12, available, isCgroupLimited: false });
const length = (contextLength: number | null, available: number, asked?: number) =>
  resolveMaxSeqLen(asked, config(contextLength), SETUP, memory(available));

test("the context is the model's, or 2048 where that is unknown, unless one is asked for", () => {
  assert.equal(length(null, 1e12), 2048);
  assert.equal(length(512, 1e12), 512);
  assert.equal(length(131072, 1e12), 131072);
  assert.equal(length(512, 1e12, 4096), 4096);
  assert.equal(length(131072, 1e12, 64), 64);
});

test("a long context is cut to half of the memory that the weights leave, but not below 2048: a model that fits with that is not refused", () => {
  const need = (tokens: number) => memoryNeed(config(null), 2, "int8", tokens, 256).total;
  for (const available of [need(2048), need(2048) + 1e9, need(2048) + 4e9]) {
    const tokens = length(131072, available);
    assert.ok(tokens >= 2048 && tokens % 256 === 0, String(tokens));
    checkMemory(config(null), 2, { dtype: "int8" }, tokens, memory(available));
    if (tokens > 2048) assert.ok(need(2 * tokens) <= available && need(2 * tokens + 1024) > available, String(tokens));
  }
  assert.equal(length(131072, 0), 2048);
  assert.equal(length(1024, 0), 1024);
});

test("the window of perplexity is what the model was made for, if the context holds it", () => {
  assert.equal(defaultWindow({ config: config(512), maxSeqLen: 4096 }), 512);
  assert.equal(defaultWindow({ config: config(512), maxSeqLen: 64 }), 64);
  assert.equal(defaultWindow({ config: config(null), maxSeqLen: 2048 }), 2048);
});
