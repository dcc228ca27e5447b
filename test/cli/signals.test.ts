import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { describe, test } from "node:test";
import { BIN, llama, run } from "./cli-process.js";
import { atFirstText } from "./working-process.js";

const LONG = [
  "generate",
  "--prompt",
  "Once upon a time",
  "--max_gen_len",
  "400",
  "--temperature",
  "1.5",
  "--top_p",
  "1",
];
const isWindows = process.platform === "win32";

describe("interruption", { skip: isWindows }, () => {
  test("Ctrl-C while loading leaves stdout empty", async () => {
    let isSent = false;
    // The note printed before loading.
    const onStderr = (child: ChildProcess) => {
      if (!isSent) child.kill("SIGINT");
      isSent = true;
    };
    const { code, stdout, stderr } = await llama(LONG, { onStderr });
    assert.equal(code, 130, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /^No --ckpt_dir: [^\n]*\n$/);
  });

  test("SIGUSR1 opens no debugger, neither in the supervisor nor in the working process", async () => {
    const args = ["generate", "--prompt", "Once upon a time", "--temperature", "0", "--max_gen_len", "100", "--quiet"];
    const undisturbed = await llama(args);
    const onStdout = atFirstText((worker: number, { pid }: ChildProcess) => {
      for (const one of [worker, pid!]) process.kill(one, "SIGUSR1");
    });
    assert.deepEqual(await llama(args, onStdout), undisturbed);
  });

  test("the first Ctrl-C ends the program within seconds if a rank hangs while loading", async () => {
    let sentAt = 0;
    const onStderr = (child: ChildProcess) => {
      if (sentAt > 0) return;
      sentAt = performance.now();
      // The ranks hang by then, or will: the abort comes first or last.
      setTimeout(() => child.kill("SIGINT"), 500);
    };
    const env = { TEST_LLAMA_TS_FAULT: "1:load::hang" };
    const { code, signal, stdout } = await llama([...LONG, "--nproc_per_node", "2"], { env, onStderr });
    assert.deepEqual([code, signal, stdout], [130, null, ""]);
    assert.ok(performance.now() - sentAt < 10_000);
  });

  test("one or two signals during quantisation end the program", async () => {
    const args = ["bench", "--preset", "7B", "--layers", "2", "--dtype", "int4", "--no_cache", "--trials", "1"];
    for (const [delay, signals] of [
      [700, 1],
      [500, 2],
      [800, 2],
      [1100, 2],
    ] as const) {
      const { code, signal, stderr } = await llama(args, {
        onStart: (child) => {
          for (let i = 0; i < signals; i++) setTimeout(() => child.kill("SIGINT"), delay + 150 * i);
        },
      });
      // On a busy machine the first signal can arrive before the handler is installed.
      assert.ok(code === 130 || signal === "SIGINT", `${code}, ${signal} after ${delay} ms: ${stderr}`);
      assert.doesNotMatch(stderr, /terminate called/);
    }
  });

  test("a closed pipe ends the program at once, without a message", async () => {
    const start = performance.now();
    const script = '"$0" "$@" | head -c 20';
    const { code, stdout, stderr } = await run("sh", ["-c", script, process.execPath, BIN, ...LONG]);
    assert.equal(code, 0);
    assert.equal(Buffer.byteLength(stdout), 20);
    assert.match(stderr, /^No --ckpt_dir: [^\n]*\n$/);
    assert.ok(performance.now() - start < 5000);
  });

  test("closed pipes for help and for stderr are not failures", async () => {
    const help = await run("sh", [
      "-c",
      '("$0" "$1" generate --help; echo "code $?" >&2) | true',
      process.execPath,
      BIN,
    ]);
    assert.equal(help.stderr, "code 0\n");
    const notes = '("$0" "$@"; echo "code $?" >&3) 3>&1 2>&1 >/dev/null | head -c 1';
    const short = ["generate", "--prompt", "Once", "--max_gen_len", "4"];
    const all = await run("sh", ["-c", notes, process.execPath, BIN, ...short]);
    assert.equal(all.code, 0, all.stderr);
  });
});
