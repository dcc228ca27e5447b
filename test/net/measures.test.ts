/** score, eval and queue status with --queue: the results are those of a model in this process; what is wrong with a queue is one line with its exit code. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { BIN, llama, temporaryFolder } from "../cli/cli-process.js";
import { checkSchema } from "../cli/json-schema.js";
import { fixture } from "../folders.js";
import { NatsServer, withoutNats } from "./nats-server.js";

const QUIET = ["--quiet", "--color", "never"];
const SECRET = "hunter2";

describe("measures over a queue", { skip: withoutNats }, () => {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, name);
  const env = { LLAMA_TS_QUEUE_TOKEN: SECRET };
  let server: NatsServer;
  let worker: ChildProcess;
  const queue = () => ["--queue", server.url];
  const linesOf = (name: string) =>
    rounded(readFileSync(path(name), "utf8"))
      .split("\n")
      .sort();

  test("score gives the records of a model in this process, error records too", async () => {
    server = await NatsServer.start({ token: SECRET, sync: true });
    worker = startWorker(server.url, env);
    const lines = [
      { id: "a", context: "Once upon a", continuation: " time" },
      { id: "b", context: "Once upon a", continuation: " dog", metadata: { n: 1 } },
      { id: "c", context: "The sun" },
      { id: "d", context_ids: [1, 416], continuation_ids: [425, 261] },
      { id: "e", context: "", continuation: "Lily had a red ball." },
      { id: "f", context: "x", continuation: "" },
    ];
    writeFileSync(path("in.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const run = (out: string, more: string[]) =>
      llama(["score", path("in.jsonl"), "-o", path(out), ...QUIET, ...more], { env });
    const [one, other] = await Promise.all([run("queue.jsonl", queue()), run("own.jsonl", [])]);
    assert.deepEqual([one.code, one.stderr, other.code], [1, "", 1]);
    assert.deepEqual(linesOf("queue.jsonl"), linesOf("own.jsonl"));
  });

  test("eval gives the samples and figures of a model in this process", async () => {
    const args = ["eval", "--tasks", "arc_easy,nq_open", "--limit", "6", "--data", fixture("lm-eval"), "--log_samples"];
    const run = (out: string, more: string[]) => llama([...args, "-o", path(out), ...QUIET, ...more], { env });
    const [one, other] = await Promise.all([run("queue", queue()), run("own", [])]);
    assert.deepEqual([one.code, one.stderr, other.code], [0, "", 0]);
    assert.equal(one.stdout, other.stdout);
    const samples = (out: string) =>
      readdirSync(path(`${out}/demo`))
        .filter((name) => name.startsWith("samples_"))
        .sort()
        .map((name) => rounded(readFileSync(path(`${out}/demo/${name}`), "utf8")));
    assert.equal(samples("queue").length, 2);
    assert.deepEqual(samples("queue"), samples("own"));
  });

  test("queue status has models and workers for scripts", async () => {
    const { code, stdout, stderr } = await llama(["queue", "status", ...queue(), "--json"], { env });
    assert.deepEqual([code, stderr], [0, ""]);
    const report = JSON.parse(stdout);
    checkSchema("queue_status", report);
    const { models, workers, jobs, server: version } = report;
    assert.equal(version, server.binary.version);
    assert.deepEqual(jobs, []);
    assert.equal(workers.length, 1);
    const { oldest_s, tok_s, model, ...rest } = models[0];
    assert.match(model, /^[0-9a-f]{16}$/);
    assert.equal(oldest_s, null);
    assert.equal(typeof tok_s, "number");
    const none = { waiting: 0, running: 0, redelivered: 0, urgent_waiting: 0, urgent_running: 0 };
    assert.deepEqual(rest, { ...none, workers: 1 });
    const { worker: name, version: program, ...about } = workers[0];
    assert.match(name, /^\S+:\d+$/);
    assert.match(program, /^\d+\.\d+\.\d+/);
    assert.deepEqual(about, { model, dtype: "fp32", running: 0, concurrency: 16, tok_s: about.tok_s });
  });

  test("a line above the server's max_payload is an error record, and the others are answered", async () => {
    const large = JSON.stringify({ id: "large", context: "x".repeat(2 << 20), continuation: "y" });
    const small = JSON.stringify({ id: "small", context: "Once upon a", continuation: " time" });
    writeFileSync(path("large.jsonl"), `${large}\n${small}\n`);
    const { code, stderr } = await llama(["score", path("large.jsonl"), "-o", path("l.jsonl"), ...QUIET, ...queue()], {
      env,
    });
    assert.deepEqual([code, stderr], [1, ""]);
    const records = linesOf("l.jsonl")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    const { error } = records.find(({ id }) => id === "large");
    assert.match(error.message, /max_payload/);
    assert.ok(records.find(({ id }) => id === "small").logprob <= 0);
  });

  test("what is wrong with a queue is one line", async () => {
    const secret = path("secret");
    writeFileSync(secret, SECRET, { mode: 0o644 });
    const cases: [args: string[], code: number, line: RegExp, env?: NodeJS.ProcessEnv][] = [
      [["queue", "status", ...queue()], 2, /the server refuses the key \(.*\)\. Check the token/, {}],
      [["worker", ...queue()], 2, /the server refuses the key/, { LLAMA_TS_QUEUE_TOKEN: "wrong" }],
      [["worker", "--queue", "nats://127.0.0.1:1"], 1, /127\.0\.0\.1:1: no NATS server can be reached/],
      [
        ["queue", "status", "--queue", `nats://${SECRET}@127.0.0.1:1`],
        2,
        /^llama-ts: --queue: has a secret in the address/,
      ],
      [["queue", "status", ...queue(), "--queue_creds", secret], 2, /others can read it\. Run chmod 600/],
      [["queue"], 2, /^llama-ts: --queue is missing/],
      [["queue", "purge", ...queue()], 2, /unknown command 'purge'; expected status/],
      [["score", "--perplexity", path("in.jsonl"), ...queue()], 2, /--perplexity cannot be combined with --queue/],
      [["score", path("in.jsonl"), ...queue()], 2, /--queue needs --output/],
    ];
    const runs = cases.map(async ([args, code, line, given = env]) => {
      const result = await llama([...args, ...(args[0] === "queue" ? [] : QUIET)], { env: given });
      assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, line);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
      assert.ok(!result.stderr.includes(SECRET));
    });
    await Promise.all(runs);
  });

  test("a server that is full of requests is reported, and what has no room waits until workers make some", async () => {
    await using full = await NatsServer.start({ maxFile: 1_000_000 });
    const context = "Once upon a time ".repeat(4000);
    const lines = Array.from({ length: 24 }, (_, i) => `${JSON.stringify({ id: i, context, continuation: " x" })}\n`);
    writeFileSync(path("many.jsonl"), lines.join(""));
    let late: ChildProcess | null = null;
    let said = 0;
    // The first line is about the model, the second about the server.
    const onStderr = () => {
      if (++said > 1) late ??= startWorker(full.url);
    };
    const args = ["score", path("many.jsonl"), "-o", path("many.out"), "--queue", full.url, "--color", "never"];
    const { code, stderr } = await llama(args, { timeout: 60_000, onStderr });
    (late as ChildProcess | null)?.kill("SIGKILL");
    assert.match(stderr, /^Trouble with the server: the server has no room for a request\. Raise the limit/m);
    assert.equal(code, 0, stderr);
    assert.equal(linesOf("many.out").filter((line) => line !== "").length, 24);
  });

  after(async () => {
    worker?.kill("SIGTERM");
    if (worker?.exitCode === null) await new Promise((resolve) => worker.once("exit", resolve));
    await server?.kill();
  });
});

function startWorker(url: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const worker = spawn(process.execPath, [BIN, "worker", "--queue", url, ...QUIET], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, LLAMA_TS_CONFIG: "", ...env },
  });
  process.on("exit", () => worker.kill("SIGKILL"));
  return worker;
}

/** The last bits depend on what else runs in a step. */
function rounded(text: string): string {
  return text.replace(/-?\d+\.\d{6,}/g, (digits) => Number(digits).toFixed(3));
}
