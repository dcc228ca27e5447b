import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Dialog, Llama } from "../../src/index.js";
import { BIN, DEMO, llama, run, temporaryFolder } from "./cli-process.js";

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const GREEDY = ["--temperature", "0", "--max_gen_len", "12", "--quiet"];

// biome-ignore lint/suspicious/noExplicitAny: JSON as a script reads it
type Answer = any;

/** The records of an output; every line must be complete. */
function answers(text: string): Answer[] {
  assert.ok(text === "" || text.endsWith("\n"), "the last line is incomplete");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function writeRequests(name: string, requests: readonly object[]): string {
  writeFileSync(file(name), requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  return file(name);
}

describe("batch", { concurrency: 2 }, () => {
  test("answers equal those of generate, in any order, each with its id and metadata", async () => {
    const input = writeRequests("some.jsonl", [
      { id: "long", prompt: "Once upon a time", max_gen_len: 30 },
      { id: 2, prompt: "Tom and his dog", max_gen_len: 3, metadata: { n: [1] }, logprobs: true },
      { prompt_ids: [1, 416, 425, 261, 394] },
    ]);
    const { code, stdout, stderr } = await llama(["batch", input, ...GREEDY]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const [second, third, first] = answers(stdout);
    assert.deepEqual([second.id, second.line, second.metadata], [2, 2, { n: [1] }]);
    assert.equal(second.logprobs.length, 3);
    assert.deepEqual([third.id, third.line, third.ids.length], [null, 3, 12]);
    const alone = await llama([
      "generate",
      "--prompt",
      "Once upon a time",
      ...GREEDY.slice(0, 2),
      "--max_gen_len",
      "30",
      "--json",
    ]);
    const wanted = JSON.parse(alone.stdout);
    assert.deepEqual(first.ids, wanted.ids);
    assert.equal(first.text, wanted.text);
    assert.deepEqual([first.id, first.prompt_tokens, first.finish_reason], ["long", 5, "length"]);
    assert.deepEqual(third.ids, wanted.ids.slice(0, 12));
  });

  test("an invalid line gets an error record with its number; other lines are answered; the exit code is 1", async () => {
    const lines: (string | Buffer)[] = [
      '{"id":"good","prompt":"The dog"}\r\n',
      "\n",
      "not json\n",
      "[1]\n",
      '{"prompt":"a","temprature":0}\n',
      '{"prompt":"a","temperature":"0"}\n',
      '{"id":"good","prompt":"a"}\n',
      '{"prompt":"a","prompt_ids":[1]}\n',
      '{"prompt_ids":[99999]}\n',
      '{"messages":[{"role":"assistant","content":"a"}]}\n',
      Buffer.from([...Buffer.from('{"prompt":"'), 0xff, ...Buffer.from('"}\n')]),
      '{"prompt":"a\0b"}\n',
      `{"prompt":"${"very ".repeat(600)}"}\n`,
      '{"id":"last","prompt":"no newline"}',
    ];
    writeFileSync(file("wrong.jsonl"), Buffer.concat(lines.map((line) => Buffer.from(line))));
    const { code, stdout, stderr } = await llama(["batch", file("wrong.jsonl"), ...GREEDY.slice(0, 4)]);
    assert.equal(code, 1);
    assert.match(stderr, /13 requests: 2 answered, 11 failed · 24 tokens/);
    const records = answers(stdout);
    assert.deepEqual(
      records.map(({ line }) => line).sort((a, b) => a - b),
      [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    );
    const messages = new Map(records.map(({ line, error }) => [line, error?.message]));
    for (const [line, pattern] of [
      [3, /not JSON/],
      [4, /JSON object/],
      [5, /temprature/],
      [6, /temperature.*number/],
      [7, /earlier line/],
      [8, /more than one prompt/],
      [9, /99999/],
      [10, /user/],
      [11, /UTF-8/],
      [12, /zero byte/],
      [13, /context/],
    ] as const) {
      assert.match(messages.get(line), pattern);
    }
  });

  test("dialogs, stop strings and all sampling options work as in generate and in the library", async () => {
    const dialog = [{ role: "user", content: "Tell me a story." }];
    const input = writeRequests("options.jsonl", [
      { id: 0, messages: dialog, max_gen_len: 8 },
      { id: 1, prompt: "Once upon a time", stop: [" little", "zzz"], max_gen_len: 30 },
      { id: 2, prompt: "Once upon a time", temperature: 1, top_k: 3, min_p: 0.1, seed: 4, max_gen_len: 6 },
      { id: 3, prompt: "Once upon a time", logit_bias: { "1997": -100 }, max_gen_len: 4 },
      { id: 4, messages: [{ role: "user", content: "[INST] a" }] },
      { id: 5, messages: "a" },
    ]);
    const { stdout } = await llama(["batch", input, ...GREEDY]);
    const [chat, stopped, sampled, biased, tags, wrong] = answers(stdout).sort((a, b) => a.id - b.id);
    const library = await Llama.build({ ckptDir: DEMO, maxSeqLen: 512 });
    try {
      const [answer] = await library.chatCompletion([dialog as Dialog], { temperature: 0, maxGenLen: 8 });
      assert.equal(chat.text.trim(), answer!.generation.content.trim());
      assert.equal(chat.prompt_tokens, library.encodeDialog(dialog as Dialog).length);
    } finally {
      await library.close();
    }
    assert.deepEqual([stopped.text, stopped.finish_reason], [", there was a", "stop"]);
    const line =
      "--prompt|Once upon a time|--temperature|1|--top_k|3|--min_p|0.1|--seed|4|--max_gen_len|6|--json|--quiet";
    assert.deepEqual(sampled.ids, JSON.parse((await llama(["generate", ...line.split("|")])).stdout).ids);
    assert.notEqual(biased.ids[0], 1997);
    assert.match(tags.error.message, /special tags are not allowed/);
    assert.match(wrong.error.message, /messages: has the wrong type/);
  });

  test("a line of 50 MB is an error and does not use memory", async () => {
    const pieces = ['{"prompt":"', "a".repeat(50 << 20), '"}\n{"id":"next","prompt":"The dog"}\n'];
    const { code, stdout } = await llama(["batch", "-", ...GREEDY], { input: pieces.join("") });
    assert.equal(code, 1);
    const [long, next] = answers(stdout);
    assert.match(long.error.message, /too long.*524288\d\d bytes/);
    assert.equal(next.id, "next");
  });

  test("an empty input is not a failure; a missing file or a folder is", async () => {
    writeFileSync(file("empty.jsonl"), "");
    assert.deepEqual(await llama(["batch", file("empty.jsonl"), "--quiet"]), {
      code: 0,
      signal: null,
      stdout: "",
      stderr: "",
    });
    for (const name of ["none.jsonl", "."]) {
      const { code, stderr } = await llama(["batch", file(name)]);
      assert.equal(code, 2);
      assert.match(stderr, /no such file|is a folder/);
    }
  });

  test("shards are parts of the full run, with the same seeded texts", async () => {
    const input = writeRequests(
      "shards.jsonl",
      Array.from({ length: 7 }, (_, id) => ({ id, prompt: "One day" })),
    );
    const options = ["batch", input, "--seed", "5", "--max_gen_len", "6", "--quiet"];
    const whole = answers((await llama(options)).stdout);
    const env = {
      SLURM_ARRAY_TASK_ID: "20",
      SLURM_ARRAY_TASK_MIN: "10",
      SLURM_ARRAY_TASK_STEP: "10",
      SLURM_ARRAY_TASK_COUNT: "2",
    };
    const first = answers((await llama([...options, "--shard", "1/2"])).stdout);
    const second = answers((await llama([...options, "--shard", "auto"], { env })).stdout);
    const byId = (a: Answer, b: Answer) => a.id - b.id;
    assert.deepEqual(second.map(({ id }) => id).sort(), [1, 3, 5]);
    assert.deepEqual([...first, ...second].sort(byId), whole.sort(byId));
    assert.equal((await llama([...options, "--shard", "3/2"])).code, 2);
    assert.match((await llama([...options, "--shard", "auto"])).stderr, /no job array/);
  });

  test("an existing output is kept without --overwrite; --resume repeats failed requests", async () => {
    const output = file("kept.jsonl");
    writeFileSync(output, '{"id":9,"line":1,"text":"x"}\n');
    const input = writeRequests("kept-in.jsonl", [
      { id: 9, prompt: "a" },
      { id: 8, prompt: "b", top_p: 7 },
    ]);
    const options = ["batch", input, "-o", output, ...GREEDY];
    const refused = await llama(options);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /already exists/);
    assert.equal((await llama([...options, "--resume"])).code, 1);
    assert.deepEqual(
      answers(readFileSync(output, "utf8")).map(({ id, text }) => [id, text]),
      [
        [9, "x"],
        [8, undefined],
      ],
    );
    writeRequests("kept-in.jsonl", [
      { id: 9, prompt: "a" },
      { id: 8, prompt: "b" },
    ]);
    assert.equal((await llama([...options, "--resume"])).code, 0);
    assert.deepEqual(
      answers(readFileSync(output, "utf8")).map(({ id, error }) => [id, error]),
      [
        [9, undefined],
        [8, undefined],
      ],
    );
    const same = await llama(["batch", input, "-o", input, "--overwrite"]);
    assert.deepEqual([same.code, /is both input and output/.test(same.stderr)], [2, true]);
    assert.equal((await llama([...options, "--overwrite"])).code, 0);
    assert.notEqual(answers(readFileSync(output, "utf8"))[0].text, "x");
  });

  test("after a kill at any moment and --resume the result is complete and equal", async () => {
    const input = writeRequests(
      "kill-in.jsonl",
      Array.from({ length: 60 }, (_, id) => ({ id, prompt: `Day ${id}` })),
    );
    const whole = answers((await llama(["batch", input, ...GREEDY])).stdout);
    const output = file("killed.jsonl");
    for (const size of [1, 5000, 9000]) {
      const watch = (child: ChildProcess) => {
        const timer = setInterval(() => {
          if (existsSync(output) && statSync(output).size >= size) child.kill("SIGKILL");
        }, 1);
        child.on("exit", () => clearInterval(timer));
      };
      await llama(["batch", input, "-o", output, ...GREEDY, "--resume"], { onStart: watch });
      // What an interrupted write leaves in the file.
      appendFileSync(output, '{"id":59,"line":60,"te');
    }
    assert.equal((await llama(["batch", input, "-o", output, ...GREEDY, "--resume"])).code, 0);
    const strip = (list: Answer[]) => list.map(({ seed: _, ...rest }) => rest).sort((a, b) => a.id - b.id);
    assert.deepEqual(strip(answers(readFileSync(output, "utf8"))), strip(whole));
  });

  test("a full disk is reported and leaves complete records", { skip: !existsSync("/dev/full") }, async () => {
    const input = writeRequests("full-in.jsonl", [{ prompt: "a" }]);
    const { code, stderr } = await llama(["batch", input, "-o", "/dev/full", ...GREEDY]);
    assert.equal(code, 1);
    assert.match(stderr, /^llama-ts: \/dev\/full: cannot be written: .*no space left.*--resume\n$/);
  });

  test("a request with a bias or a number of log-probabilities out of range gets an error, and the others their answers", async () => {
    const prompt = "Once upon a time";
    const forbidden = Object.fromEntries(Array.from({ length: 2048 }, (_, id) => [id, -1e6]));
    const lines = [
      { id: "bias", prompt, logit_bias: { 5: 1e39 } },
      { id: "logprobs", prompt, logprobs: 100_000 },
      { id: "low", prompt, logit_bias: forbidden },
      ...[1, 2, 3].map((id) => ({ id, prompt })),
    ];
    const { code, stdout } = await llama(["batch", "--temperature", "0", "--max_gen_len", "4", "--quiet"], {
      input: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    });
    assert.equal(code, 1);
    const byId = new Map(answers(stdout).map((answer) => [answer.id, answer]));
    assert.match(byId.get("bias")!.error!.message, /logit_bias/);
    assert.match(byId.get("logprobs")!.error!.message, /logprobs/);
    for (const id of ["low", 1, 2, 3]) assert.equal(byId.get(id)!.ids.length, 4, String(id));
  });

  test("Ctrl-C keeps finished answers, and a closed pipe ends the run silently", async () => {
    const many = Array.from({ length: 300 }, (_, id) => ({ id, prompt: "Once" }));
    const input = writeRequests("many.jsonl", many);
    const output = file("interrupted.jsonl");
    const watch = (child: ChildProcess) => {
      const timer = setInterval(() => {
        if (!existsSync(output) || statSync(output).size === 0) return;
        clearInterval(timer);
        child.kill("SIGINT");
      }, 5);
      child.on("exit", () => clearInterval(timer));
    };
    const stopped = await llama(["batch", input, "-o", output, "--temperature", "0", "--max_gen_len", "60"], {
      onStart: watch,
    });
    assert.equal(stopped.code, 130);
    assert.match(stopped.stderr, /Interrupted\. Use --resume to continue/);
    const done = answers(readFileSync(output, "utf8"));
    assert.ok(done.length > 0 && done.length < 300 && done.every(({ ids }) => ids.length > 0));
    const piped = await run("sh", [
      "-c",
      `"$0" "$1" batch "$2" --temperature 0 --quiet | head -n 2 | wc -l`,
      process.execPath,
      BIN,
      input,
    ]);
    assert.deepEqual([piped.stdout.trim(), piped.stderr], ["2", ""]);
  });
});
