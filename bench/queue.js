#!/usr/bin/env node
/**
 * Measures the queue: new tokens per second of one worker beside `batch` in one process (what the queue costs), and of two workers
 * beside one; then how long after `ack_wait` the request of a lost worker comes to another. Each process gets one rank, one thread
 * and, on Linux, a core of its own. Needs nats-server in PATH; it is started here, with its store in a temporary folder.
 *   node bench/queue.js [--ckpt_dir DIR] [--dtype auto] [--requests 64] [--pp 32] [--tg 64] [--rounds 3] [--concurrency 16]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { queuedBatch } from "../dist/src/cli/commands/batch/batch-fields.js";
import { queueIdentity } from "../dist/src/cli/queue/queue-identity.js";
import { encodeBody } from "../dist/src/cli/queue/request-body.js";
import { demoModel, Llama } from "../dist/src/index.js";
import { connect } from "../dist/src/net/nats/net.js";
import * as layout from "../dist/src/net/queue/layout.js";
import { QueueJob } from "../dist/src/net/queue/queue-job.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    ...{ ckpt_dir: text(demoModel.ckptDir), dtype: text("auto"), requests: text("64"), pp: text("32"), tg: text("64") },
    ...{ rounds: text("3"), concurrency: text("16"), local: { type: "boolean", default: false } },
  },
});
const [requests, pp, tg, rounds, concurrency] = ["requests", "pp", "tg", "rounds", "concurrency"].map((name) =>
  Number(values[name]),
);
const { ckpt_dir: ckptDir, dtype } = values;
const BIN = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
const line = (n) => ({
  prompt_ids: Array.from({ length: pp }, (_, i) => 300 + (((Math.imul(i + 1, 0x9e3779b1) + n * 7919) >>> 0) % 1500)),
});
const options = { temperature: 0, maxGenLen: tg };

/** The same work in one process, in turns with the queue: a line on stdin starts a round, its tokens a second are the answer. */
async function runLocal() {
  const build = { ckptDir, dtype, nprocPerNode: 1, threadsPerRank: 1, concurrency, maxSeqLen: 2 * (pp + tg) };
  const llama = await Llama.build(build);
  console.log("ready");
  for await (const _ of createInterface({ input: process.stdin })) {
    const start = performance.now();
    let tokens = 0;
    const asked = Array.from({ length: requests }, (_, n) => ({ tag: n, prompt: line(n).prompt_ids, options }));
    for await (const { completion } of llama.batch(asked, { promptLookupNumTokens: 0 }))
      tokens += completion.ids.length;
    console.log((tokens * 1000) / (performance.now() - start));
  }
  await llama.close();
}

/** A child on a core of its own. */
function start(core, args, stdio) {
  const [command, ...rest] =
    process.platform === "linux" ? ["taskset", "-c", `${core}`, process.execPath] : [process.execPath];
  return spawn(command, [...rest, ...args], { stdio });
}

/** Resolves when the stream has a line that begins so. */
async function says(stream, what) {
  for await (const text of createInterface({ input: stream })) if (text.startsWith(what)) return;
  throw new Error(`ended before ${what}`);
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const ratios = (a, b) => {
  const all = a.map((value, i) => value / b[i]);
  return `${median(all).toFixed(3)} (${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)})`;
};

async function measure() {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-bench-"));
  const children = [];
  try {
    const conf = join(folder, "server.conf");
    writeFileSync(
      conf,
      `host: 127.0.0.1\nport: -1\njetstream { store_dir: ${JSON.stringify(join(folder, "store"))} }\n`,
    );
    const server = spawn("nats-server", ["-c", conf], { stdio: ["ignore", "ignore", "pipe"] });
    children.push(server);
    let port;
    for await (const text of createInterface({ input: server.stderr })) {
      port ??= /Listening for client connections on \S*:(\d+)/.exec(text)?.[1];
      if (text.includes("Server is ready")) break;
    }
    const url = `nats://127.0.0.1:${port}`;
    const net = await connect({ servers: [url], name: "bench" });
    console.log(`nats-server ${net.serverVersion}; ${requests} requests of ${pp} + ${tg} tokens`);
    const { model } = queueIdentity({ ckptDir, isDemo: false }, { dtype });
    const worker = async (core) => {
      const model = ["--ckpt_dir", ckptDir, "--dtype", dtype, "--max_seq_len", `${2 * (pp + tg)}`];
      const ranks = ["--nproc_per_node", "1", "--threads", "1", "--concurrency", `${concurrency}`, "--no_supervisor"];
      const child = start(core, [BIN, "worker", "--queue", url, ...model, ...ranks], ["ignore", "ignore", "pipe"]);
      children.push(child);
      await says(child.stderr, "Ready");
      child.stderr.resume();
      return child;
    };
    const local = start(
      0,
      [fileURLToPath(import.meta.url), "--local", ...process.argv.slice(2)],
      ["pipe", "pipe", "inherit"],
    );
    children.push(local);
    const answers = createInterface({ input: local.stdout })[Symbol.asyncIterator]();
    await answers.next();
    const alone = async () => {
      local.stdin.write("go\n");
      return Number((await answers.next()).value);
    };
    await worker(0);
    const found = { local: [], one: [], two: [] };
    await alone();
    await queued(net, model);
    for (let round = 0; round < rounds; round++) {
      found.local.push(await alone());
      found.one.push(await queued(net, model));
    }
    await worker(1);
    await queued(net, model);
    for (let round = 0; round < rounds; round++) found.two.push(await queued(net, model));
    for (const [what, rates] of Object.entries(found))
      console.log(`${what}: ${rates.map((rate) => rate.toFixed(0)).join(", ")} tok/s`);
    console.log(`one worker to batch without a queue: ${ratios(found.one, found.local)}`);
    console.log(`two workers to one: ${ratios(found.two, found.one)}`);
    console.log(
      `redelivery with ack_wait 2 s: ${(await redelivery(net)).map((ms) => `${ms.toFixed(0)} ms`).join(", ")}`,
    );
    await net.close();
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => (child.exitCode ?? child.signalCode) === null && once(child, "exit")));
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Tokens a second from the first request to the last answer. */
async function queued(net, model) {
  const job = layout.newJob();
  let tokens = 0;
  async function* all() {
    for (let n = 0; n < requests; n++) {
      const fields = queuedBatch(line(n), { options, chat: "auto", lookup: 0 });
      yield { line: n + 1, data: encodeBody({ kind: "batch", origin: { line: n + 1, id: "null" }, fields }) };
    }
  }
  const start = performance.now();
  await QueueJob.run(net, {
    ...{ model, job, requests: all(), signal: new AbortController().signal },
    take: async (answers) => {
      for (const { data } of answers) tokens += JSON.parse(new TextDecoder().decode(data)).ids.length;
    },
    refuse: async (_, error) => {
      throw error;
    },
  });
  const rate = (tokens * 1000) / (performance.now() - start);
  await QueueJob.remove(net, job);
  return rate;
}

/** Times from a delivery to the next one, of requests that nobody reports as running. */
async function redelivery(net) {
  const model = layout.newJob();
  const streams = await net.streams();
  const stream = layout.requestStream(model);
  await streams.ensureStream(stream);
  await streams.ensureConsumer(stream.name, layout.workerConsumer(2000));
  const puller = await streams.puller(stream.name, layout.WORKERS);
  const times = [];
  for (let n = 0; n < 5; n++) {
    await streams.store(layout.requestSubject(model, layout.newJob(), n), new Uint8Array(100));
    await puller.next(5000);
    const start = performance.now();
    const again = await puller.next(5000);
    times.push(performance.now() - start);
    await again.ack();
  }
  await puller.close();
  await streams.deleteStream(stream.name);
  return times;
}

await (values.local ? runLocal() : measure());
