/** `worker` and `batch --queue` with a real server: answers equal those of `batch`, ends are in order, wrong requests end as records. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Net, type Streams } from "../../src/net/nats/net.js";
import {
  answerStream,
  answerSubject,
  COLLECTOR_CONSUMER,
  newJob,
  QUEUE_VERSION,
  requestStream,
  requestSubject,
  VERSION_HEADER,
  WORKERS,
  workerConsumer,
} from "../../src/net/queue/layout.js";
import { RequestSource } from "../../src/net/queue/request-source.js";
import { BIN, llama, temporaryFolder } from "../cli/cli-process.js";
import { NatsServer, withoutNats } from "./nats-server.js";

const options = { skip: withoutNats, timeout: 60_000 };
const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value));
let server: NatsServer;
let worker: Worker;
const workers: Worker[] = [];

/** A worker without a supervisor, and what it says. */
class Worker {
  readonly #child: ChildProcess;
  said = "";
  readonly ended: Promise<number | null>;

  constructor(...args: string[]) {
    this.#child = spawn(
      process.execPath,
      [BIN, "worker", "--queue", server.url, "--no_supervisor", "--verbose", ...args],
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, LLAMA_TS_CONFIG: "" },
      },
    );
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
    workers.push(this);
  }

  async says(what: RegExp): Promise<RegExpExecArray> {
    for (let i = 0; i < 2000; i++) {
      const found = what.exec(this.said);
      if (found) return found;
      await sleep(10);
    }
    throw new Error(`the worker does not say ${what}:\n${this.said}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

const submit = (input: string, output: string, ...args: string[]) =>
  llama(["batch", input, "-o", output, "--queue", server.url, "--ack_wait", "1", ...args], { timeout: 60_000 });
const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n").sort();

before(async () => {
  if (withoutNats) return;
  server = await NatsServer.start();
  worker = new Worker();
});
after(() => {
  for (const one of workers) one.kill("SIGKILL");
  return server?.kill();
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
    const given = ["--seed", "9", "--max_gen_len", "5", "--repetition_penalty", "1.1"];
    const second = new Worker("--concurrency", "2");
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

/** Streams of a job of a model that the test makes up or that the worker has. */
async function makeJob(model: string): Promise<{ net: Net; streams: Streams; job: string }> {
  const net = await connect({ servers: [server.url], name: "test" });
  const streams = await net.streams();
  const job = newJob();
  await streams.ensureStream(requestStream(model));
  await streams.ensureConsumer(requestStream(model).name, workerConsumer(1000));
  await streams.ensureStream(answerStream(job));
  await streams.ensureConsumer(answerStream(job).name, COLLECTOR_CONSUMER);
  return { net, streams, job };
}

test(
  "what is no request, of another kind or of another version, ends as a record and hurts nobody",
  options,
  async () => {
    const [, model] = await worker.says(/queue ([0-9a-f]{16})\./);
    const { net, streams, job } = await makeJob(model!);
    const own = { [VERSION_HEADER]: QUEUE_VERSION };
    const good = { kind: "batch", id: '"g"', request: { prompt: "x" }, options: { maxGenLen: 1 }, chat: "auto" };
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const bodies: [Uint8Array, RegExp][] = [
      [bytes(good), /^\{"id":"g","line":0,"text":/],
      [new Uint8Array([0xff, 0, 1, 2]), /"usage".*not one of llama-ts/],
      [new TextEncoder().encode(deep), /nested too deeply/],
      [bytes([]), /names no kind/],
      [bytes({ kind: "dance", id: "null" }), /does not know this kind/],
      [bytes({ ...good, id: "{}" }), /its id is not/],
      [bytes({ ...good, id: '1,"line":7' }), /its id is not|cannot/],
      [bytes({ ...good, metadata: '1}\n{"id":5' }), /its metadata is not JSON/],
      [bytes({ ...good, request: null }), /"usage"/],
      [bytes({ ...good, request: { prompt: 5 } }), /"usage"/],
      [bytes({ ...good, options: { temperature: "hot" } }), /"usage"/],
      [bytes({ ...good, options: { nope: 1 } }), /"usage"/],
      [bytes({ ...good, options: { maxGenLen: 1e12 } }), /./],
      [bytes({ ...good, chat: { template: 5 } }), /"usage"/],
      [bytes({ ...good, lookup: {} }), /"usage"/],
    ];
    for (const [line, [body]] of bodies.entries()) {
      assert.equal(await streams.store(requestSubject(model!, job, line), body, own), "stored");
    }
    // Subjects that the queue has no place for.
    await streams.store(`lts.req.${model}.strange`, bytes({}), own);
    const puller = await streams.puller(answerStream(job).name, COLLECTOR_CONSUMER.name);
    const found = new Map<string, string>();
    while (found.size < bodies.length) {
      const message = await puller.next(5000);
      assert.ok(message, `${found.size} answers\n${worker.said}`);
      found.set(message.subject, new TextDecoder().decode(message.data));
      await message.ack();
    }
    for (const [line, [, expected]] of bodies.entries()) {
      const text = found.get(answerSubject(job, line))!;
      assert.equal((JSON.parse(text) as { line: number }).line, line);
      assert.match(text, expected);
    }
    await worker.says(/A message that is not a request was removed from the queue/);
    // The last acknowledgements come after the answers.
    while ((await streams.streamState(requestStream(model!).name))!.messages > 0) await sleep(10);

    // Another version is left to others, and ends as a record if there are no others.
    await streams.store(requestSubject(model!, job, 99), bytes(good), { [VERSION_HEADER]: "77" });
    await worker.says(/is of another version \("77"\): left to other workers/);
    await net.close();
  },
);

test(
  "a request that ends its workers gets an error at the sixth delivery; one that is answered is not run again",
  options,
  async () => {
    const [, real] = await worker.says(/queue ([0-9a-f]{16})\./);
    const { net, streams, job } = await makeJob(real!);
    const model = newJob();
    const made = await makeJob(model);
    await streams.store(requestSubject(model, made.job, 1), bytes({}), { [VERSION_HEADER]: QUEUE_VERSION });
    const events: string[] = [];
    const source = await RequestSource.open(net, model, ({ kind }) => events.push(kind));
    for (let delivery = 1; delivery <= 6; delivery++) {
      const request = (await source.next())!;
      assert.deepEqual([request.line, request.deliveryCount, request.isPoison], [1, delivery, delivery === 6]);
      if (delivery < 6) request.giveBack();
      else assert.equal(await request.answer(bytes({ a: 1 }), AbortSignal.timeout(5000)), true);
    }
    // Answered, but the acknowledgement was lost: the next delivery finds the answer.
    await streams.store(requestSubject(model, made.job, 2), bytes({}), { [VERSION_HEADER]: QUEUE_VERSION });
    assert.equal(await streams.store(answerSubject(made.job, 2), bytes({ b: 1 })), "stored");
    assert.equal(await streams.store(answerSubject(made.job, 2), bytes({ b: 2 })), "exists");
    (await source.next())!.giveBack();
    const waiting = source.next();
    while (!events.includes("answered-before")) await sleep(10);
    await source.close();
    assert.equal(await waiting, null);
    assert.equal((await streams.streamState(requestStream(model).name))!.messages, 0);
    assert.equal((await streams.consumerState(requestStream(model).name, WORKERS))!.unacked, 0);

    // The worker's own record of such a request: five deliveries are given back by the test.
    const body = { kind: "batch", id: '"p"', request: { prompt: "x" }, options: {}, chat: "auto" };
    worker.kill("SIGSTOP");
    const thief = await RequestSource.open(net, real!, () => {});
    await streams.store(requestSubject(real!, job, 5), bytes(body), { [VERSION_HEADER]: QUEUE_VERSION });
    await sleep(0);
    for (let taken = 0; taken < 5; ) {
      const request = (await thief.next())!;
      taken = request.deliveryCount;
      request.giveBack();
    }
    await thief.close();
    worker.kill("SIGCONT");
    await worker.says(/Line 5 of job [0-9a-f]{16}: poison in .*delivery \d+/);
    const text = new TextDecoder().decode((await streams.get(answerStream(job).name, answerSubject(job, 5)))!);
    assert.match(
      text,
      /^\{"id":"p","line":5,"error":\{"kind":"poison","message":"workers took this request and never answered; delivery [6-9]/,
    );
    await net.close();
    await made.net.close();
  },
);

test(
  "a request and an answer that the server does not take as one message are errors of their lines",
  options,
  async () => {
    await using small = await NatsServer.start({ maxPayload: 4096 });
    const big = JSON.stringify({ id: "big", prompt: "word ".repeat(1000), metadata: { kept: 1.0 } });
    const long = JSON.stringify({ id: "long", prompt: "Once", max_gen_len: 64, logprobs: 5 });
    writeFileSync(
      path("big.jsonl"),
      `${big}\n${long}\n${JSON.stringify({ id: "ok", prompt: "Once", max_gen_len: 1 })}\n`,
    );
    const child = spawn(process.execPath, [BIN, "worker", "--queue", small.url, "--no_supervisor", "--quiet"], {
      stdio: "ignore",
      env: { ...process.env, LLAMA_TS_CONFIG: "" },
    });
    const args = ["batch", path("big.jsonl"), "-o", path("big-out.jsonl"), "--queue", small.url];
    const run = await llama(args);
    child.kill("SIGKILL");
    assert.equal(run.code, 1, run.stderr);
    const [first, second, third] = lines(path("big-out.jsonl"));
    assert.match(
      first!,
      /^\{"id":"big","line":1,"metadata":\{"kept":1\},"error":\{"kind":"usage","message":"the message is too large for the server; expected at most 4096 bytes/,
    );
    assert.match(second!, /^\{"id":"long","line":2,"error":.*too large for the server/);
    assert.match(third!, /^\{"id":"ok","line":3,"text"/);
  },
);
