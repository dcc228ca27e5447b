/** Which type keys and values have: as asked, or chosen for the weights, the heads and the machine. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { resolveKvType } from "../../src/engine/attention/resolve-kv-type.js";
import { ROOT } from "../source-files.js";

const heads = (headDim: number, headNorms = false, qkv = false) => ({
  headDim,
  headNorms,
  biases: { qkv, wo: false, ffn: false },
});

test("auto is int8 beside quantised weights, and fp32 beside fp32, for small or biased heads and without the kernel", () => {
  assert.equal(resolveKvType(undefined, "int4", heads(64), true), "int8");
  assert.equal(resolveKvType("auto", "int8", heads(128), true), "int8");
  assert.equal(resolveKvType("auto", "fp32", heads(128), true), "fp32");
  assert.equal(resolveKvType("auto", "int8", heads(8), true), "fp32");
  assert.equal(resolveKvType("auto", "int8", heads(128), false), "fp32");
  assert.equal(resolveKvType("auto", "int8", heads(128, true), true), "fp32");
  assert.equal(resolveKvType("auto", "int8", heads(128, false, true), true), "fp32");
  assert.equal(resolveKvType("int8", "fp32", heads(8, true, true), true), "int8");
  assert.throws(() => resolveKvType("int8", "int8", heads(128), false), /need WebAssembly with SIMD/);
});

test("without WebAssembly a model runs by the operator, with the same logits", () => {
  // --jitless leaves out WebAssembly; the ranks, which are threads, share it.
  const script = `
    const { Engine } = await import("./dist/src/engine/engine.js");
    const { hasKernel } = await import("./dist/src/engine/attention/kernel.js");
    const { openCheckpoint } = await import("./dist/src/model/checkpoint/checkpoint.js");
    const engine = await Engine.start(openCheckpoint("models/demo", 2048), { worldSize: 1, dtype: "fp32", maxSeqLen: 64 });
    const sequence = engine.newSequence();
    await engine.forward([{ sequence, position: 0, tokens: [1, 416, 425], logits: "none" }]);
    const [logits] = await engine.forward([{ sequence, position: 3, tokens: [261], logits: "last" }]);
    console.log(JSON.stringify({ hasKernel: hasKernel(), kvType: engine.kvType, logits: [...logits.slice(0, 50)] }));
    await engine.close();`;
  const [plain, fast] = [["--jitless"], []].map((flags) => {
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, "--input-type=module", "-e", script], {
      cwd: ROOT,
    });
    try {
      return JSON.parse(String(stdout)) as { hasKernel: boolean; kvType: string; logits: number[] };
    } catch {
      throw new Error(String(stderr));
    }
  });
  assert.equal(fast!.hasKernel, true);
  assert.equal(plain!.hasKernel, false);
  assert.equal(plain!.kvType, "fp32");
  for (const [i, value] of plain!.logits.entries()) assert.ok(Math.abs(value - fast!.logits[i]!) < 1e-4);
});
