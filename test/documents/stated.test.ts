/** What the documents say in words, where no other test holds it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { llama, temporaryFolder } from "../cli/cli-process.js";
import { worker } from "../cli/working-process.js";
import { ROOT } from "./blocks.js";

const STORY = ["generate", "--prompt", "Once", "--temperature", "0", "--max_gen_len", "4", "--quiet"];
const DONE = { code: 0, signal: null, stdout: " upon a time,\n", stderr: "" };

describe("as stated", { concurrency: 2 }, () => {
  test("--redirects without --log_dir writes to a temporary folder and prints its name", async () => {
    const { code, stdout, stderr } = await llama([...STORY, "--redirects", "3"]);
    assert.deepEqual([code, stdout], [0, ""]);
    const [, attempt] = /^Rank logs: (.*\/attempt_0)\n$/.exec(stderr.replaceAll("\\", "/")) ?? [];
    assert.ok(attempt, stderr);
    assert.equal(readFileSync(join(attempt, "0", "stdout.log"), "utf8"), DONE.stdout);
    assert.match(readFileSync(join(attempt, "0", "stderr.log"), "utf8"), /^rank 0: read .*\nrank 0: 4 steps .*\n$/);
    rmSync(dirname(attempt), { recursive: true });
  });

  test("LLAMA_TS_NO_SUPERVISOR=1 runs everything in one process", {
    skip: process.platform !== "linux" && "it looks into /proc",
  }, async () => {
    for (const [value, hasChild] of [
      ["1", false],
      ["0", true],
    ] as const) {
      let found: boolean | null = null;
      const onStdout = ({ pid }: { pid?: number | undefined }) => {
        found ??= worker(pid!) !== null;
      };
      assert.deepEqual(await llama(STORY, { env: { LLAMA_TS_NO_SUPERVISOR: value }, onStdout }), DONE);
      assert.equal(found, hasChild, value);
    }
  });

  test("--cpu_bind spread gives the same text", {
    skip: !existsSync("/usr/bin/taskset") && "taskset is not here",
  }, async () => {
    assert.deepEqual(await llama([...STORY, "--nproc_per_node", "2", "--cpu_bind", "spread"]), DONE);
  });

  test("an empty cache is reported as empty, with exit code 0", async () => {
    const cache = temporaryFolder();
    const note = `The cache is empty (${join(cache, "llama-ts")}).\n`;
    for (const [command, stdout, stderr] of [
      [["cache"], "", note],
      [["cache", "list", "--json"], "[]\n", ""],
      [["cache", "clear"], "", note],
    ] as const) {
      const run = await llama(command, { env: { XDG_CACHE_HOME: cache } });
      assert.deepEqual(run, { code: 0, signal: null, stdout, stderr });
    }
  });

  test("batch leaves out blank lines and a byte order mark; the seed is --seed plus the line's number - 1", async () => {
    const input = '\ufeff{"prompt":"Once"}\r\n\r\n\n{"prompt":"Once","max_gen_len":3}';
    const { code, stdout } = await llama(["batch", ...STORY.slice(3), "--seed", "5"], { input });
    const answers = stdout.split(/(?<=\n)/).map((line) => JSON.parse(line));
    answers.sort((a, b) => a.line - b.line);
    const both = { id: null, prompt_tokens: 2, finish_reason: "length" };
    assert.equal(code, 0);
    assert.deepEqual(answers, [
      { ...both, line: 1, text: " upon a time,", ids: [425, 261, 394, 1997], seed: 5 },
      { ...both, line: 4, text: " upon a time", ids: [425, 261, 394], seed: 8 },
    ]);
  });

  test("the dialogue has the commands of docs/repl.md, and no others", async () => {
    const { stdout } = await llama(["repl"], { input: "/help\n" });
    const help = [...stdout.matchAll(/^(\/\w+)/gm)].map(([name]) => name);
    const page = readFileSync(join(ROOT, "docs/repl.md"), "utf8");
    const table = /\n\| command +\|.*?\n\n/s.exec(page)![0];
    const cells = [...table.matchAll(/^\| (.*?) \|/gm)].map(([, cell]) => cell!);
    const listed = cells.flatMap((cell) => [...cell.matchAll(/`(\/\w+)/g)].map(([, name]) => name!));
    assert.deepEqual([...new Set(listed)].sort(), help.sort());
  });
});
