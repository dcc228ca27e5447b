/** Limits of the system: a memory limit that the kernel enforces by killing, full or read-only disks, and time while stopped. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writeZeroCheckpoint } from "../model/zero-checkpoint.js";
import { BIN, DEMO, llama, temporaryFolder } from "./cli-process.js";
import { memoryLimit } from "./memory-limit.js";
import { SmallDisk } from "./small-disk.js";
import { atFirstText, processState } from "./working-process.js";

const isLinux = process.platform === "linux";
const folder = temporaryFolder();
const TOKENIZER = join(DEMO, "tokenizer.model");
const STORY = ["generate", "--prompt", "Once upon a time", "--temperature", "0", "--quiet", "--max_gen_len"];

describe("a cgroup's memory limit", { skip: !isLinux && "cgroups are Linux's" }, () => {
  const limit = isLinux ? memoryLimit(300 << 20) : "";
  const shape = { dim: 4096, multiple_of: 256, n_heads: 32, n_layers: 4, norm_eps: 1e-5, vocab_size: 32000 };
  const options = ["--nproc_per_node", "2", "--prompt", "Hi", "--quiet"];

  test("is checked before loading; the kernel's kill is reported, no file is left, and the next run works", async (t) => {
    if (typeof limit === "string") return t.skip(limit);
    const large = writeZeroCheckpoint(join(folder, "large"), shape, 1, TOKENIZER);
    const cache = join(folder, "cache");
    const generate = [BIN, "generate", "--ckpt_dir", large, ...options];
    const env = { XDG_CACHE_HOME: cache };

    const refused = await limit.run(process.execPath, [...generate, "--dtype", "int8"], { env });
    assert.deepEqual([refused.code, refused.stdout], [4, ""]);
    assert.match(
      refused.stderr,
      /^llama-ts: the model does not fit into memory as int8; expected 1\.5\d GB \(weights 95\d MB, context of 2048 tokens 69\.\d MB, working memory \d{3} MB\), found \d{3} MB available\. --force loads it anyway\n$/,
    );

    // int8 has written part of the cache before the kill.
    for (const [dtype, need] of Object.entries({ int8: "1\\.5", fp32: "4\\.2" })) {
      const killed = await limit.run(process.execPath, [...generate, "--dtype", dtype, "--force"], { env });
      assert.deepEqual([killed.code, killed.signal, killed.stdout], [4, null, ""], killed.stderr);
      const report = `llama-ts: the kernel killed the process: out of memory while loading the model; peak memory \\d{3} MB, estimated need ${need}\\d GB, its container has 31\\d MB\\. Use a smaller --dtype or --max_seq_len, or end other programs\\.\n`;
      assert.match(killed.stderr, new RegExp(`^${report}$`));
      assert.deepEqual(limit.processes(), []);
    }
    assert.deepEqual(readdirSync(join(cache, "llama-ts")), []);

    const next = await limit.run(process.execPath, [BIN, ...STORY, "8"], { env });
    assert.deepEqual(next, { code: 0, signal: null, stdout: ", there was a little girl named Lily\n", stderr: "" });
  });
});

describe("the cache's disk", { skip: !isLinux && "it mounts tmpfs", concurrency: 2 }, () => {
  const shape = { dim: 1088, multiple_of: 256, n_heads: 17, n_layers: 1, norm_eps: 1e-5, vocab_size: 2048 };
  const small = isLinux ? writeZeroCheckpoint(join(folder, "small"), shape, 1, TOKENIZER) : "";
  const ROOMY = "size=300m,nr_inodes=1000";
  const cases = {
    "is full": ["size=16m", /^".*\/llama-ts has \d+\.\d MB free, but \d{2,3}(?:\.\d)? MB are needed"$/],
    // Enough space, but only for a few files.
    "fills up in the middle": [
      `${ROOMY},nr_inodes=6`,
      /^"(open file \\"\d\.0\.\w+\.onnx\\" failed: No space left on device|Failed to open for writing:\\"\d\.0\.\w+\.onnx\.bin\\"|ENOSPC: no space left on device, open '\d\.constants\.bin')"$/,
    ],
    "is read-only": [`${ROOMY},ro`, /^"EROFS: read-only file system, mkdir '.*"$/],
  } as const;

  for (const [name, [options, problem]] of Object.entries(cases)) {
    test(`${name}: a warning is printed, no file is left, and the next run writes the cache`, async (t) => {
      const disk = SmallDisk.mount(options);
      if (typeof disk === "string") return t.skip(disk);
      try {
        const run = async (...args: string[]) => {
          const line = ["generate", "--ckpt_dir", small, "--nproc_per_node", "2", "--dtype", "int8", "--prompt", "Hi"];
          const env = { XDG_CACHE_HOME: disk.folder };
          const { code, stdout, stderr } = await llama([...line, "--temperature", "0", "--max_gen_len", "2", ...args], {
            env,
          });
          assert.deepEqual([code, stdout], [0, " ⁇  ⁇ \n"], stderr);
          return stderr.split("\n");
        };
        const kept = () => (readdirSync(disk.folder).length === 0 ? [] : readdirSync(join(disk.folder, "llama-ts")));
        const [warning, summary, ...rest] = await run();
        const [, reason] = /^Warning: cannot cache the quantised weights for the next start: (.*)$/.exec(warning!)!;
        assert.match(reason!, problem);
        assert.match(summary!, /^3 prompt \+ 2 generated tokens, stop: length · /);
        assert.deepEqual([rest, kept()], [[""], []]);

        disk.change(`rw,${ROOMY}`);
        const verbose = await run("--verbose");
        assert.match(kept().join(), /^[0-9a-f]{32}$/);
        assert.ok(
          verbose.includes(`weights written: ${join(disk.folder, "llama-ts", kept()[0]!)}`),
          verbose.join("\n"),
        );
      } finally {
        disk.unmount();
      }
    });
  }
});

describe("SIGSTOP", { skip: !isLinux && "it reads /proc", concurrency: 2 }, () => {
  const args = [...STORY, "400", "--rank_timeout", "1", "--nproc_per_node", "2"];
  const expected = llama(args);

  /** Stops the process for longer than --rank_timeout while it generates text. */
  async function stopped(which: (worker: number, supervisor: number) => number): Promise<void> {
    let wasStopped = false;
    const onStdout = atFirstText(async (worker: number, { pid }: ChildProcess) => {
      const target = which(worker, pid!);
      process.kill(target, "SIGSTOP");
      await sleep(1600);
      wasStopped = processState(target) === "T";
      process.kill(target, "SIGCONT");
    });
    assert.deepEqual(await llama(args, onStdout), await expected);
    assert.ok(wasStopped);
  }

  test("of the working process does not count towards the timeout of its ranks", () => stopped((worker) => worker));
  test("of the supervisor does not lose output", () => stopped((_, supervisor) => supervisor));
});
