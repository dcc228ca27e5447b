/** Each exit code of `help exit-codes` and of docs/generate.md, with the whole of stdout and stderr. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { llama, type RunOptions } from "../cli/cli-process.js";
import { atFirstText } from "../cli/working-process.js";
import { ROOT } from "./blocks.js";

const STORY = ["generate", "--prompt", "Once upon a time", "--temperature", "0", "--seed", "5", "--max_gen_len"];
const LONG = [...STORY, "400"];
const DEMO_NOTE = "No --ckpt_dir: running the bundled demo model, which writes short stories\\.\n";
const RATES = "load \\d+ ms · prefill [\\d.]+ tok/s(?: · decode [\\d.]+ tok/s)?";
const MEMORY =
  "peak memory \\d{2,3}(?:\\.\\d)? MB, estimated need \\d{2,3}(?:\\.\\d)? MB, (?:the machine|its container) has [\\d.]+ [MG]B";

interface Case {
  args: readonly string[];
  /** Undefined if the text was stopped. */
  stdout?: string;
  stderr: string;
  options?: RunOptions;
  skip?: string | false;
}

const isLinux = process.platform === "linux";
const noSignals = process.platform === "win32" && "there are no signals";

function signalled(signal: NodeJS.Signals): Case {
  const isSent = new Set();
  const onStdout: RunOptions["onStdout"] = (child) => {
    if (!isSent.has(child)) child.kill(signal);
    isSent.add(child);
  };
  const stderr = `${DEMO_NOTE}5 prompt \\+ \\d+ generated tokens, stop: abort · ${RATES} · seed 5\n`;
  return { args: LONG, stderr, options: { onStdout }, skip: noSignals };
}

/** Kills the process that does the work, not the one that was started. */
function killed(signal: NodeJS.Signals, report: string): Case {
  return {
    args: [...LONG, "--quiet"],
    stderr: `llama-ts: the process ${report}\\.\n`,
    options: atFirstText((pid) => process.kill(pid, signal)),
    skip: !isLinux && "it finds the process in /proc",
  };
}

const crashed = (signal: string) =>
  `crashed \\(${signal}\\) while generating; ${MEMORY}\\. If memory is limited \\(ulimit\\), raise the limit; otherwise please report this with the output above`;

const CASES: Readonly<Record<number, Case>> = {
  0: {
    args: [...STORY, "8"],
    stdout: ", there was a little girl named Lily\n",
    stderr: `${DEMO_NOTE}5 prompt \\+ 8 generated tokens, stop: length · ${RATES} · seed 5\n`,
  },
  1: {
    args: [...STORY, "8", "--quiet", "-o", "/dev/full"],
    stdout: "",
    stderr: "llama-ts: /dev/full: cannot be written: ENOSPC: no space left on device, write\n",
    skip: !existsSync("/dev/full") && "/dev/full is not here",
  },
  2: {
    args: [...STORY, "none"],
    stdout: "",
    stderr:
      "llama-ts: option '--max_gen_len <n>' argument 'none' is invalid\\. Expected a whole number of at least 0\\.\n",
  },
  3: {
    args: [...STORY, "8", "--ckpt_dir", "no-such-folder"],
    stdout: "",
    stderr: "llama-ts: no-such-folder: checkpoint folder does not exist\n",
  },
  4: {
    args: [...STORY, "8", "--max_seq_len", "2000000000"],
    stdout: "",
    stderr: `${DEMO_NOTE}llama-ts: the model does not fit into memory as fp32; expected \\d{4,} GB \\(weights \\d\\.\\d\\d MB, context of 2000000000 tokens \\d{4,} GB, working memory \\d{3} MB\\), found [\\d.]+ [MG]B available\\. [^\n]*--force loads it anyway\n`,
  },
  130: signalled("SIGINT"),
  143: signalled("SIGTERM"),
  129: signalled("SIGHUP"),
  137: killed(
    "SIGKILL",
    `was killed \\(SIGKILL\\) while generating; ${MEMORY}\\. The kernel reports no out-of-memory kill: another process or a container limit sent the signal`,
  ),
  134: killed("SIGABRT", crashed("SIGABRT")),
  139: killed("SIGSEGV", crashed("SIGSEGV")),
};

describe("exit codes", { concurrency: 2 }, () => {
  let story: string;
  before(async () => {
    story = (await llama(LONG)).stdout;
  });

  test("are those of the table in docs/generate.md, and of help", async () => {
    const [, table] = readFileSync(join(ROOT, "docs/generate.md"), "utf8").split("## Exit codes\n");
    const rows = table!
      .slice(0, table!.indexOf("\n\n", 3))
      .split("\n")
      .filter((line) => line.startsWith("| "));
    const listed = rows.flatMap((row) => [...row.matchAll(/\b\d+\b(?! \+)/g)].map(([code]) => Number(code)));
    const cases = Object.keys(CASES).map(Number);
    // The table has 128 + n, of which 139 is one more.
    assert.deepEqual([...listed, 139].sort(), cases.sort());
    const help = await llama(["help", "exit-codes"]);
    const { code, stderr, stdout } = help;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(
      [...stdout.matchAll(/^ {2}(\d+) +\S/gm)].map(([, listed]) => Number(listed)),
      [0, 1, 2, 3, 4, 129, 130, 134, 137, 139, 143],
    );
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
    for (const words of [["--help"], ["generate", "--help"]]) {
      assert.doesNotMatch((await llama(words)).stdout, /^Exit codes:/m);
    }
  });

  for (const [code, { args, stdout, stderr, options, skip }] of Object.entries(CASES)) {
    test(code, { skip: skip ?? false }, async () => {
      const run = await llama(args, options);
      assert.deepEqual([run.code, run.signal], [Number(code), null], run.stderr);
      assert.match(run.stderr, new RegExp(`^${stderr}$`));
      if (stdout !== undefined) assert.equal(run.stdout, stdout);
      else assert.ok(run.stdout.length > 0 && story.startsWith(run.stdout.replace(/\n$/, "")), run.stdout);
    });
  }
});
