import assert from "node:assert/strict";
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Engine } from "../../src/engine/engine.js";
import { listCache } from "../../src/engine/weight-cache/cache-entries.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { writeRandomFolder } from "./random-folder.js";

const CHANGED = /model\.safetensors: was changed while it was read\. Wait until the file is complete/;

function folders(t: TestContext): { dir: string; root: string } {
  const base = mkdtempSync(join(tmpdir(), "llama-ts-changed-"));
  t.after(() => rmSync(base, { recursive: true }));
  return { dir: writeRandomFolder(join(base, "model"), 1), root: join(base, "cache") };
}

/** Starts an engine, and returns its logits and what became of the cache. `onProgress` is called while it loads. */
async function start(dir: string, root: string | null, dtype: "int8" | "fp32", onProgress?: () => void) {
  const options = { worldSize: 1, dtype, maxSeqLen: 32, threadsPerRank: 1, cacheRoot: root };
  const engine = await Engine.start(openCheckpoint(dir, 2048), { ...options, ...(onProgress && { onProgress }) });
  try {
    const [logits] = await engine.forward([
      { sequence: engine.newSequence(), position: 0, tokens: [1, 2], logits: "last" },
    ]);
    return { logits: logits!, ...engine.weightCache };
  } finally {
    await engine.close();
  }
}

for (const dtype of ["int8", "fp32"] as const) {
  test(`in ${dtype}, a file that is written while it is read is an error, and nothing is cached`, async (t) => {
    const { dir, root } = folders(t);
    const file = join(dir, "model.safetensors");
    const { size, atime, mtime } = statSync(file);
    let writes = 0;
    const write = () => {
      const fd = openSync(file, "r+");
      writeSync(fd, Buffer.alloc(32), 0, 32, size - 64);
      // Copying tools restore the time.
      utimesSync(file, atime, mtime);
      writes++;
    };
    await assert.rejects(start(dir, root, dtype, write), { name: "LlamaError", kind: "model", message: CHANGED });
    assert.ok(writes > 0);
    assert.deepEqual(listCache(root), []);
    // The changed file is the one that a later start reads.
    const [once, again] = [await start(dir, root, dtype), await start(dir, null, dtype)];
    assert.deepEqual(once.logits, again.logits);
  });
}

test("a file that another took the place of is an error too, although an open file stays readable", async (t) => {
  const { dir, root } = folders(t);
  const other = writeRandomFolder(`${dir}-2`, 2);
  const replace = () => copyFileSync(join(other, "model.safetensors"), join(dir, "model.safetensors"));
  await assert.rejects(start(dir, root, "int8", replace), CHANGED);
  assert.deepEqual(readdirSync(root), []);
});

test("a file that is written after it was loaded is an error too; one that another took the place of stays in use", async (t) => {
  const { dir } = folders(t);
  const file = join(dir, "model.safetensors");
  const other = writeRandomFolder(`${dir}-2`, 2);
  const options = { worldSize: 2, dtype: "fp32", maxSeqLen: 32, threadsPerRank: 1, cacheRoot: null } as const;
  const engine = await Engine.start(openCheckpoint(dir, 2048), options);
  const run = async () => {
    const batch = [{ sequence: engine.newSequence(), position: 0, tokens: [1, 700, 2047], logits: "last" } as const];
    return (await engine.forward(batch))[0]!;
  };
  const expected = await run();
  renameSync(join(other, "model.safetensors"), file);
  assert.deepEqual(await run(), expected);
  await engine.close();
  const again = await Engine.start(openCheckpoint(dir, 2048), options);
  t.after(() => again.close());
  const fd = openSync(file, "r+");
  writeSync(fd, Buffer.alloc(32), 0, 32, 4096);
  closeSync(fd);
  const batch = [{ sequence: again.newSequence(), position: 0, tokens: [1], logits: "last" } as const];
  await assert.rejects(again.forward(batch), { name: "LlamaError", kind: "model", message: CHANGED });
});

test("an entry of a file that was changed goes when its successor is written; other entries stay", async (t) => {
  const { dir, root } = folders(t);
  const other = writeRandomFolder(`${dir}-2`, 2);
  await start(other, root, "int8");
  const first = await start(dir, root, "int8");
  copyFileSync(join(other, "model.safetensors"), join(dir, "model.safetensors"));
  const states = () => new Map(listCache(root).map(({ key, state }) => [key, state]));
  assert.equal(states().get(first.folder!.slice(-32)), "changed");
  const second = await start(dir, root, "int8");
  assert.equal(second.state, "written");
  assert.deepEqual([states().size, states().get(second.folder!.slice(-32))], [2, "current"]);
  assert.equal(states().has(first.folder!.slice(-32)), false);
  assert.deepEqual((await start(dir, root, "int8")).logits, (await start(dir, null, "int8")).logits);
});
