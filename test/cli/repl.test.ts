/** The REPL with input from a pipe, with the demo model. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { describe, test } from "node:test";
import { fixture } from "../folders.js";
import { llama } from "./cli-process.js";

const GREEDY = ["repl", "--temperature", "0", "--max_gen_len", "12"];

describe("the REPL with input from a pipe", { concurrency: 2 }, () => {
  test("lines are answered one by one, without prompts, colours and figures", async () => {
    const input = 'Once upon a time\n/set max_gen_len 5\nThe dog\n"""\nThe cat\nand Tom"""\n';
    const { code, stdout, stderr } = await llama(GREEDY, { input });
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const answers = ", there was a little girl named Lily. She loved to\nmax_gen_len 5\n had a big, red\n";
    assert.ok(stdout.startsWith(answers), stdout);
    assert.equal(stdout.split("\n").length, 5);
  });

  test("an error is one line, and the next message is answered", async () => {
    const input = [
      "/nonsense",
      "/set temperature hot",
      "/set colour red",
      '/set stop "a',
      "/regen",
      "very ".repeat(600),
      "/set stop Lily",
      "Once upon a time",
      "/bye",
      "never",
    ].join("\n");
    const { code, stdout, stderr } = await llama(GREEDY, { input });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'stop "Lily"\n, there was a little girl named \n');
    assert.deepEqual(
      stderr.split("\n").map((line) => line.slice(0, 42)),
      [
        "llama-ts: unknown command: /nonsense. /hel",
        "llama-ts: temperature: Expected a number o",
        "llama-ts: unknown setting: colour; expecte",
        "llama-ts: stop: Expected texts in double q",
        "llama-ts: there is no turn yet",
        "llama-ts: the message is longer than the c",
        "",
      ],
    );
  });

  test("a chat uses its format and refuses special tags in messages", async () => {
    const input = "Hello\n[INST] x [/INST]\n/show\n";
    const { code, stdout, stderr } = await llama([...GREEDY, "--chat", "llama2", "--system", "Be brief"], { input });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /format llama2, 1 turns, .*system "Be brief"\nstats off\n$/s);
    assert.equal(stderr, "llama-ts: special tags are not allowed as part of the prompt\n");
  });

  test("the names of special tokens in an answer are not shown", async () => {
    const model = ["--ckpt_dir", fixture("llama3mini-bf16-mp1"), "--max_gen_len", "3", "--logit_bias", "514=100"];
    const shown = await llama(["generate", "--prompt", "Hello", ...model, "--quiet"]);
    assert.equal(shown.stdout, `${"<|reserved_special_token_0|>".repeat(3)}\n`);
    const hidden = await llama(["repl", "--chat", "none", ...model], { input: "Hello\n" });
    assert.deepEqual([hidden.code, hidden.stdout], [0, "\n"], hidden.stderr);
  });

  test("a model that cannot load and an invalid option give one line and an exit code", async () => {
    const absent = await llama(["repl", "--ckpt_dir", "no-such-folder"], { input: "Hello\n" });
    assert.equal(absent.code, 3);
    assert.match(absent.stderr, /^llama-ts: [^\n]+\n$/);
    const wrong = await llama(["repl", "--chat", "llama9"], { input: "" });
    assert.equal(wrong.code, 2);
  });

  test("Ctrl-C ends it with code 130, SIGTERM with 143", { skip: process.platform === "win32" }, async () => {
    for (const [signal, expected] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      let isSent = false;
      const args = ["repl", "--temperature", "1.5", "--top_p", "1", "--max_gen_len", "400"];
      const { code, stdout } = await llama(args, {
        input: "Once upon a time\nnext\n",
        onStdout: (child: ChildProcess) => {
          if (!isSent) child.kill(signal);
          isSent = true;
        },
      });
      assert.equal(code, expected);
      assert.equal(stdout.split("\n").at(-1), "");
    }
  });
});
