import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { findModel, openModel, startModel } from "../../src/generation/loading/open-model.js";
import { Llama } from "../../src/index.js";
import { demo } from "../folders.js";

const WARM = 4;
const BUILDS = 12;
const LINUX = { skip: process.platform !== "linux" && "it reads /proc" };

function held(): { threads: number; files: number; megabytes: number } {
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]);
  const [threads, files] = [readdirSync("/proc/self/task").length, readdirSync("/proc/self/fd").length];
  return { threads, files, megabytes: kilobytes / 1024 };
}

/** Whether no more threads than these are left; the system counts an ended thread for a moment. */
async function hasThreads(most: number): Promise<boolean> {
  for (let i = 0; i < 150 && held().threads > most; i++) await sleep(20);
  return held().threads <= most;
}

// `node bench/lifecycle.js` does this 100 times.
test("closed models leave no threads, open files or memory", LINUX, async () => {
  let before = held();
  for (let i = 1; i <= BUILDS; i++) {
    const llama = await Llama.build({ ckptDir: demo, nprocPerNode: 2, dtype: "fp32", maxSeqLen: 64, cacheDir: null });
    await llama.textCompletion(["Once upon"], { maxGenLen: 2, temperature: 0 });
    await llama.close();
    if (i === WARM) before = held();
  }
  assert.ok(await hasThreads(before.threads), `${held().threads} threads, ${before.threads} before`);
  const after = held();
  assert.ok(after.files <= before.files, `${after.files} files, ${before.files} before`);
  // Each build holds 20 MB, so 8 leaks would leave 160.
  assert.ok(after.megabytes < before.megabytes + 60, `${after.megabytes} MB, ${before.megabytes} before`);
});

test("if the tokenizer fails while the ranks start, the ranks are stopped, however far they are", LINUX, async () => {
  const opened = openModel(findModel({ ckptDir: demo }));
  // Before the ranks run, while they load, and after they have loaded.
  for (const delay of [0, 60, 1500]) {
    const load = () => sleep(delay).then(() => Promise.reject(new Error("no encoder")));
    const model = { ...opened, tokenizer: { ...opened.tokenizer, load } };
    const before = readdirSync("/proc/self/task").length;
    await assert.rejects(startModel(model, { worldSize: 2, dtype: "fp32", maxSeqLen: 64 }), /no encoder/);
    assert.ok(await hasThreads(before), `${held().threads} threads, ${before} before`);
  }
});

for (const [dtype, ranks] of [
  ["fp32", 1],
  ["int8", 2],
] as const) {
  test(`a program that never closes its model ends after its last request (${dtype}, ${ranks} ranks)`, async () => {
    const script = `
      import { Llama } from ${JSON.stringify(new URL("../../src/index.js", import.meta.url).href)};
      const options = { ckptDir: ${JSON.stringify(demo)}, nprocPerNode: ${ranks}, dtype: "${dtype}", threadsPerRank: 2 };
      const llama = await Llama.build(options);
      const result = [];
      for await (const { text } of llama.stream("Once upon a time", { maxGenLen: 60, temperature: 0 })) result.push(text);
      console.log(JSON.stringify(result.join("")));
      setTimeout(() => console.log("end"), 300);
    `;
    const begin = performance.now();
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 30_000,
      encoding: "utf8",
    });
    assert.deepEqual([child.status, child.signal, child.stderr], [0, null, ""]);
    assert.ok(performance.now() - begin < 15_000);
    const [text, end] = child.stdout.split("\n");
    const llama = await Llama.build({ ckptDir: demo, nprocPerNode: ranks, dtype, threadsPerRank: 2 });
    const [whole] = await llama.textCompletion(["Once upon a time"], { maxGenLen: 60, temperature: 0 });
    await llama.close();
    assert.deepEqual([JSON.parse(text!), end], [whole!.generation, "end"]);
  });
}
