/** What may be in a queue: wrong, hostile, large and dangerous requests end as records, and a full queue holds the submitter back. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../src/net/nats/net.js";
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
} from "../../src/net/queue/layout.js";
import { QueueJob } from "../../src/net/queue/queue-job.js";
import { RequestSource } from "../../src/net/queue/request-source.js";
import { BIN, llama, temporaryFolder } from "../cli/cli-process.js";
import { lastly } from "../lastly.js";
import { NatsServer, withoutNats } from "./nats-server.js";
import { makeJob, Worker } from "./queue-worker.js";

const options = { skip: withoutNats, timeout: 60_000 };
const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value));
const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n").sort();
let server: NatsServer;
let worker: Worker;

before(async () => {
  if (withoutNats) return;
  server = await NatsServer.start();
  worker = new Worker(server.url);
});

test(
  "what is no request, of another kind or of another version, ends as a record and hurts nobody",
  options,
  async () => {
    const [, model] = await worker.says(/queue ([0-9a-f]{16})\./);
    const { net, streams, job } = await makeJob(server.url, model!);
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
      [bytes({ ...good, options: { maxGenLen: -1 } }), /"usage"/],
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
    const { net, streams, job } = await makeJob(server.url, real!);
    const model = newJob();
    const made = await makeJob(server.url, model);
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

test(
  "a full queue holds the submitter back until workers have answered; nothing is lost or answered twice",
  options,
  async () => {
    const model = newJob();
    const net = await connect({ servers: [server.url], name: "test" });
    const streams = await net.streams();
    await streams.ensureStream({ ...requestStream(model), maxMessages: 3 });
    const events: string[] = [];
    const source = await RequestSource.open(net, model, () => {});
    const answering = (async () => {
      // Nothing is answered before the queue is full.
      while (!events.includes("full")) await sleep(5);
      for (let request = await source.next(); request; request = await source.next()) {
        await request.answer(bytes({ line: request.line }), AbortSignal.timeout(10_000));
      }
    })();
    async function* requests() {
      for (let line = 1; line <= 100; line++) yield { line, data: bytes({ line }) };
    }
    const taken: number[] = [];
    const end = await QueueJob.run(net, {
      ...{ model, job: newJob(), requests: requests(), signal: AbortSignal.timeout(50_000) },
      take: async (answers) => void taken.push(...answers.map(({ line }) => line)),
      refuse: async (_, error) => {
        throw error;
      },
      onEvent: ({ kind }) => events.push(kind),
    });
    assert.equal(end, "complete");
    assert.deepEqual(
      taken.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
    await source.close();
    await answering;
    await net.close();
  },
);

lastly(() => {
  worker?.kill("SIGKILL");
  return server?.kill();
});
