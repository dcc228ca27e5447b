/** `worker` and `batch --queue` with a real server: answers equal those of `batch`, ends are in order. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { newJob } from "../../src/net/queue/layout.js";
import { llama, temporaryFolder } from "../cli/cli-process.js";
import { lastly } from "../lastly.js";
import { NatsServer, withoutNats } from "./nats-server.js";
import { Worker } from "./queue-worker.js";

const options = { skip: withoutNats, timeout: 60_000 };
const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
let server: NatsServer;
let worker: Worker;

const submit = (input: string, output: string, ...args: string[]) =>
  llama(["batch", input, "-o", output, "--queue", server.url, "--ack_wait", "1", ...args], { timeout: 60_000 });
const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n").sort();

before(async () => {
  if (withoutNats) return;
  server = await NatsServer.start();
  worker = new Worker(server.url);
});

test(
  "answers of two workers are those of batch, byte by byte: fields, ids, metadata, errors, scores",
  options,
  async () => {
    const input = [
      ...Array.from(
        { length: 40 },
        (_, n) => `{"id":${n === 7 ? "1.50e1" : n},"prompt":"Once ${n}","metadata": {"n" :${n}.0}}`,
      ),
      '{"prompt":"no id","temperature":0,"logprobs":2,"echo":true,"max_gen_len":3}',
      '{"id":"ids","prompt_ids":[1,300,301],"stop":["."],"seed":5}',
      '{"id":"chat","messages":[{"role":"user","content":"Hello"}]}',
      '{"id":"wrong ids","prompt_ids":[1,999999]}',
      '{"id":"wrong option","prompt":"x","temperature":-1}',
      '{"id":"unknown","prompt":"x","nope":1}',
      '{"id":"text","prompt":"\\ud83d\\ude00 caf\\u00e9","max_gen_len":2}',
      '{"id":3,"prompt":"twice"}',
      "not JSON",
    ];
    writeFileSync(path("in.jsonl"), `${input.join("\n")}\n`);
    // A token is forbidden by a number that JSON does not have.
    const given = ["--seed", "9", "--max_gen_len", "5", "--repetition_penalty", "1.1", "--logit_bias", "1997=-inf"];
    const second = new Worker(server.url, "--concurrency", "2");
    await second.says(/Ready/);
    const [local, queued] = [
      await llama(["batch", path("in.jsonl"), "-o", path("local.jsonl"), ...given]),
      await submit(path("in.jsonl"), path("queued.jsonl"), ...given),
    ];
    assert.deepEqual(lines(path("queued.jsonl")), lines(path("local.jsonl")));
    assert.equal(queued.code, local.code);
    const counts = /^\d+ requests: .*tokens/m;
    assert.equal(counts.exec(queued.stderr)?.[0], counts.exec(local.stderr)?.[0]);
    for (const name of ["job", "lock"]) assert.ok(!existsSync(path(`queued.jsonl.${name}`)), name);
    assert.match(worker.said + second.said, /Line 1 of job [0-9a-f]{16}: answered in/);

    // SIGTERM: ends with 0, and the other one answers alone.
    second.kill("SIGTERM");
    assert.equal(await second.ended, 0);
    const again = await submit(path("in.jsonl"), path("queued.jsonl"), ...given, "--resume");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /49 requests: 0 answered, 6 failed, 43 already done/);
    assert.deepEqual(lines(path("queued.jsonl")), lines(path("local.jsonl")));
  },
);

test("Ctrl-C leaves requests in the queue; --resume collects them without asking twice", options, async () => {
  const input = Array.from({ length: 300 }, (_, n) => JSON.stringify({ id: n, prompt: `A cat ${n}` }));
  writeFileSync(path("many.jsonl"), `${input.join("\n")}\n`);
  const first = await llama(
    [
      "batch",
      path("many.jsonl"),
      "-o",
      path("many-out.jsonl"),
      "--queue",
      server.url,
      "--max_gen_len",
      "8",
      "--no_supervisor",
    ],
    {
      onStart: (child) => {
        const timer = setInterval(() => {
          if (!existsSync(path("many-out.jsonl")) || readFileSync(path("many-out.jsonl")).length === 0) return;
          clearInterval(timer);
          child.kill("SIGINT");
        }, 5);
      },
    },
  );
  assert.equal(first.code, 130, first.stderr);
  assert.match(first.stderr, /stay in the queue; their answers are kept there\.\n/);
  assert.match(first.stderr, /Interrupted\. Use --resume to continue/);
  const job = JSON.parse(readFileSync(path("many-out.jsonl.job"), "utf8")) as { job: string; seed: number };
  const second = await submit(path("many.jsonl"), path("many-out.jsonl"), "--max_gen_len", "8", "--resume");
  assert.equal(second.code, 0, second.stderr);
  const records = lines(path("many-out.jsonl")).map((line) => JSON.parse(line) as { id: number; seed: number });
  assert.deepEqual(
    records.map(({ id }) => id).sort((a, b) => a - b),
    Array.from({ length: 300 }, (_, n) => n),
  );
  for (const { id, seed } of records) assert.equal(seed, (job.seed + id) % 2 ** 32);
  assert.ok(!existsSync(path("many-out.jsonl.job")));
});

test("options that cannot be combined, a wrong server and another model's job are a line each", options, async () => {
  writeFileSync(path("one.jsonl"), '{"prompt":"x"}\n');
  const cases: [string[], number, RegExp][] = [
    [["--queue", server.url], 2, /--queue needs --output/],
    [
      ["-o", path("a"), "--queue", server.url, "--max_seq_len", "64"],
      2,
      /--max_seq_len cannot be combined with --queue\. Give it to llama-ts worker/,
    ],
    [
      ["-o", path("a"), "--queue", server.url, "--nnodes", "2"],
      2,
      /--nnodes cannot be combined with --queue\. Give it to llama-ts worker/,
    ],
    [["-o", path("a"), "--queue", "nats://127.0.0.1:1"], 1, /no NATS server can be reached/],
  ];
  for (const [args, code, message] of cases) {
    const run = await llama(["batch", path("one.jsonl"), ...args, "--quiet"]);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, message);
    assert.equal(run.stderr.trimEnd().split("\n").length, 1, run.stderr);
  }
  writeFileSync(path("b.job"), JSON.stringify({ job: newJob(), model: newJob(), seed: 1 }));
  writeFileSync(path("b"), "");
  const other = await submit(path("one.jsonl"), path("b"), "--resume", "--quiet");
  assert.deepEqual([other.code, other.stdout], [2, ""]);
  assert.match(
    other.stderr,
    /b\.job: belongs to another model or dtype; expected queue [0-9a-f]{16}, found queue fcb0/,
  );
  const gone = await llama(["worker", "--queue", "nats://127.0.0.1:1", "--quiet"]);
  assert.deepEqual([gone.code, gone.stderr.split("\n").length], [1, 2], gone.stderr);
});

test("the client of NATS is loaded by those commands only that name a server", () => {
  const batch = new URL("../../src/cli/commands/batch/batch.js", import.meta.url);
  const code = `import(${JSON.stringify(batch.href)}).then(() => console.log(Object.keys(require.cache).filter((file) => file.includes("@nats-io")).length))`;
  assert.equal(execFileSync(process.execPath, ["-e", code], { encoding: "utf8" }), "0\n");
});

lastly(() => {
  worker?.kill("SIGKILL");
  return server?.kill();
});
