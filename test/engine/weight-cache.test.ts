import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine } from "../../src/engine/engine.js";
import { clearCache, listCache } from "../../src/engine/weight-cache/cache-entries.js";
import { cacheFolder, isCacheWhole } from "../../src/engine/weight-cache/cache-folder.js";
import { modelIdentity } from "../../src/engine/weight-cache/model-identity.js";
import type { ComputeType } from "../../src/model/architecture/compute-type.js";
import { type Checkpoint, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { randomCheckpoint } from "../../src/model/sizes/presets.js";
import { demo, fixture } from "../folders.js";
import { maxDifference } from "../max-difference.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";

// The smallest shape whose matrices are large enough for the cache.
const SHAPE = new Map(Object.entries({ dim: 1088, n_layers: 1, n_heads: 17, vocab_size: 1024 }));
const checkpoint = randomCheckpoint("small", SHAPE);
const TOKENS = [1, 2, 3, 700];

let root: string;
let expected: Float32Array;

async function logits(of: Checkpoint, cacheRoot: string | null, worldSize = 1, dtype: ComputeType = "int8") {
  const engine = await Engine.start(of, { worldSize, dtype, maxSeqLen: 32, threadsPerRank: 1, cacheRoot });
  try {
    const sequence = engine.newSequence();
    const [result] = await engine.forward([{ sequence, position: 0, tokens: TOKENS, logits: "last" }]);
    return { logits: result!, load: engine.load, ...engine.weightCache };
  } finally {
    await engine.close();
  }
}

describe("the weight cache", () => {
  before(async () => {
    expected = (await logits(checkpoint, null)).logits;
  });
  beforeEach(() => {
    if (root) rmSync(root, { recursive: true, force: true });
    root = mkdtempSync(join(tmpdir(), "llama-ts-cache-"));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test("the next start opens the written weight cache and computes the same bits", async () => {
    const first = await logits(checkpoint, root);
    const second = await logits(checkpoint, root);
    assert.deepEqual([first.state, second.state], ["written", "opened"]);
    assert.equal(second.folder, first.folder);
    assert.deepEqual(first.logits, expected);
    assert.deepEqual(second.logits, expected);
    const [entry] = listCache(root);
    assert.equal(entry!.checkpoint, "small");
    const sizes = readdirSync(entry!.folder).map((name) => readFileSync(join(entry!.folder, name)).length);
    assert.ok(entry!.bytes <= sizes.reduce((a, b) => a + b) && entry!.bytes > 30e6);
    assert.deepEqual(clearCache(root), { folders: 1, bytes: entry!.bytes });
    assert.deepEqual(readdirSync(root), []);
  });

  test("each rank caches its own slices; of those too small to be aligned, only the constants", async () => {
    const two = await logits(checkpoint, root, 2);
    assert.equal(two.state, "written");
    const files = readdirSync(two.folder!);
    assert.ok(files.includes("0.0.ffn.onnx.bin") && files.includes("1.0.qkv.onnx.bin"));
    assert.ok(!files.includes("0.0.wo.onnx"), "half of wo is below the runtime's alignment");
    assert.ok(files.includes("0.constants.bin") && files.includes("1.constants.bin"));
    assert.ok(maxDifference(two.logits, expected) < 0.05);
    assert.deepEqual((await logits(checkpoint, root, 2)).logits, two.logits);
  });

  test("different numbers, types, ranks and files get different folders", () => {
    const folders = [
      cacheFolder(root, modelIdentity(checkpoint, "int8"), 1),
      cacheFolder(root, modelIdentity(checkpoint, "int4"), 1),
      cacheFolder(root, modelIdentity(checkpoint, "int8"), 2),
      cacheFolder(root, modelIdentity(randomCheckpoint("small", SHAPE, 2), "int8"), 1),
    ];
    assert.equal(new Set(folders).size, folders.length);
    const copy = join(root, "copy");
    mkdirSync(copy);
    for (const name of ["params.json", "consolidated.00.pth"])
      writeFileSync(join(copy, name), readFileSync(join(demo, name)));
    const folder = () => cacheFolder(root, modelIdentity(openCheckpoint(copy, 2048), "int8"), 1);
    const [was, same] = [folder(), folder()];
    assert.equal(same, was);
    utimesSync(join(copy, "consolidated.00.pth"), new Date(), new Date(1e12));
    assert.notEqual(folder(), was);
  });

  test("a truncated file is detected before it is mapped", async () => {
    const { folder } = await logits(checkpoint, root);
    truncateSync(join(folder!, "0.0.wo-ffn.onnx.bin"), 5e6);
    assert.equal(isCacheWhole(folder!), false);
    const again = await logits(checkpoint, root);
    assert.equal(again.state, "written");
    assert.deepEqual(again.logits, expected);
    assert.equal((await logits(checkpoint, root)).state, "opened");
  });

  test("a modified file of the same size is detected", async () => {
    const { folder } = await logits(checkpoint, root);
    const file = join(folder!, "0.0.wo-ffn.onnx.bin");
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 0x40;
    writeFileSync(file, bytes);
    const again = await logits(checkpoint, root);
    assert.equal(again.state, "written");
    assert.deepEqual(again.logits, expected);
  });

  test("a folder that cannot be opened is written again", async () => {
    const { folder } = await logits(checkpoint, root);
    const file = join(folder!, "0.0.wo-ffn.onnx");
    const { atime, mtime } = statSync(file);
    writeFileSync(file, Buffer.alloc(readFileSync(file).length, 0xff));
    // Keep the times, as a failing disk would: a changed time is detected anyway.
    utimesSync(file, atime, mtime);
    const again = await logits(checkpoint, root);
    assert.equal(again.state, "written");
    assert.deepEqual(again.logits, expected);
  });

  test("simultaneous starts do not disturb each other", async () => {
    const both = await Promise.all([logits(checkpoint, root), logits(checkpoint, root)]);
    for (const { logits: found, state } of both) {
      assert.equal(state, "written");
      assert.deepEqual(found, expected);
    }
    assert.equal(readdirSync(root).length, 1);
    assert.equal((await logits(checkpoint, root)).state, "opened");
  });

  test("if the weight cache cannot be written, the model runs anyway and reports why", async () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    const { state, problem, logits: found } = await logits(checkpoint, file);
    assert.equal(state, "failed");
    assert.match(problem!, /EEXIST|ENOTDIR/);
    assert.deepEqual(found, expected);
  });

  test("a process killed while writing leaves nothing that is used, and the next start removes it", async () => {
    const script = `
    import { Engine } from ${JSON.stringify(new URL("../../src/engine/engine.js", import.meta.url).href)};
    import { randomCheckpoint } from ${JSON.stringify(new URL("../../src/model/sizes/presets.js", import.meta.url).href)};
    const shape = new Map(Object.entries({ ...${JSON.stringify(Object.fromEntries(SHAPE))}, n_layers: 8 }));
    await Engine.start(randomCheckpoint("small", shape), { worldSize: 1, dtype: "int8", maxSeqLen: 32, cacheRoot: ${JSON.stringify(root)} });
  `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    const isWriting = () => readdirSync(root).some((name) => readdirSync(join(root, name)).length > 2);
    while (!isWriting()) await sleep(5);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.deepEqual(listCache(root), []);
    const foreign = `${"0".repeat(32)}.${hostname()}x.1.abcd.tmp`;
    mkdirSync(join(root, foreign));
    const { state } = await logits(checkpoint, root);
    assert.equal(state, "written");
    assert.deepEqual(
      readdirSync(root).filter((name) => name.endsWith(".tmp")),
      [foreign],
    );
  });

  test("an abort during conversion leaves no files, and the process survives, wherever the ranks are", async () => {
    const large = randomCheckpoint("small", new Map([...SHAPE, ["n_layers", 8]]));
    for (let delay = 0; delay < 100; delay += 7) {
      const controller = new AbortController();
      const start = Engine.start(large, {
        ...{ worldSize: 2, dtype: "int8", maxSeqLen: 32, cacheRoot: root, signal: controller.signal },
        onProgress: () => setTimeout(() => controller.abort(new Error("enough")), delay),
      });
      await assert.rejects(start, /enough/);
      assert.deepEqual(readdirSync(root), []);
    }
  });

  test("a model of the shape of SmolLM2, whose matrices are small, opens with the same bits and reads no weights", async () => {
    const shape = { dim: 576, n_layers: 3, n_heads: 9, n_kv_heads: 3, multiple_of: 1536, vocab_size: 2048 };
    const smol = randomCheckpoint("smol", new Map(Object.entries(shape)));
    for (const dtype of ["int8", "int4"] as const) {
      for (const worldSize of [1, 2, 3]) {
        const plain = await logits(smol, null, worldSize, dtype);
        const first = await logits(smol, root, worldSize, dtype);
        const second = await logits(smol, root, worldSize, dtype);
        assert.deepEqual([first.state, second.state], ["written", "opened"]);
        assert.deepEqual(first.logits, plain.logits);
        assert.deepEqual(second.logits, plain.logits);
        assert.deepEqual(
          second.load.map(({ bytesRead }) => bytesRead),
          Array(worldSize).fill(0),
        );
      }
    }
  });

  test("a stage with a few small constants is mapped, with these in the model's own file", async () => {
    const shape = { dim: 1088, n_layers: 2, n_heads: 17, n_kv_heads: 1, vocab_size: 1024 };
    const grouped = randomCheckpoint("grouped", new Map(Object.entries(shape)));
    const plain = await logits(grouped, null, 1, "int4");
    const first = await logits(grouped, root, 1, "int4");
    // wo, wk, wq and wv are small; w1, w2 and w3 are not. The first stage has only small ones.
    const files = readdirSync(first.folder!);
    assert.ok(files.includes("0.0.wo-ffn-qkv.onnx.bin") && files.includes("0.constants.bin"), files.join());
    const second = await logits(grouped, root, 1, "int4");
    assert.deepEqual([first.state, second.state], ["written", "opened"]);
    assert.deepEqual(first.logits, plain.logits);
    assert.deepEqual(second.logits, plain.logits);
  });

  test("constants that a disk has changed are noticed by their checksum, and written again", async () => {
    const { folder } = await logits(checkpoint, root, 2);
    const file = join(folder!, "1.constants.bin");
    const { atime, mtime } = statSync(file);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    utimesSync(file, atime, mtime);
    const again = await logits(checkpoint, root, 2);
    assert.equal(again.state, "written");
    assert.deepEqual(again.logits, (await logits(checkpoint, null, 2)).logits);
  });

  test("a very small model is not cached, because quantising it is fast", async () => {
    const engine = await Engine.start(openCheckpoint(demo, 2048), {
      ...{ worldSize: 1, dtype: "int4", maxSeqLen: 32, cacheRoot: root },
    });
    await engine.close();
    assert.deepEqual([engine.weightCache.state, existsSync(root) && readdirSync(root).length], ["off", 0]);
  });

  test("a Hugging Face folder, which has no checksums, is identified by its exact files", () => {
    const meta = fixture("llama3mini-bf16-mp1");
    const { config, tensors } = hfTensors(meta, 768);
    const dir = writeHfFolder(join(root, "hf"), config, tensors, join(meta, "tokenizer.model"));
    const key = () => cacheFolder(root, modelIdentity(openCheckpoint(dir, 768), "int8"), 1);
    const first = key();
    assert.equal(key(), first);
    // The same size and modification time, but different bytes.
    const file = join(dir, "model.safetensors");
    const { atime, mtime } = statSync(file);
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    utimesSync(file, atime, mtime);
    const second = key();
    assert.notEqual(second, first);
    // The same files, but rotated in other pairs.
    const opened = openCheckpoint(dir, 768);
    const interleaved = { ...opened, config: { ...opened.config, rotation: "interleaved" as const } };
    assert.notEqual(cacheFolder(root, modelIdentity(interleaved, "int8"), 1), second);
  });
});
