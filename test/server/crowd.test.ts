/** Many clients that misbehave at once: those who leave in each phase, who connect and say nothing, who send too much. Nothing is left of them. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { worker } from "../cli/working-process.js";
import { lastly } from "../lastly.js";
import { type RawClient, rawClient, rawRequest } from "./raw-client.js";
import { startServer, untilIdle } from "./server-process.js";

const QUIET = ["--log_format", "none", "--nproc_per_node", "1"];
const MANY = 200;
const AT_ONCE = 16;
const LONG = { prompt: "Once upon a time", max_tokens: 480, ignore_eos: true, stream: true };
const server = await startServer([...QUIET, "--max_queue", String(2 * MANY)]);

/** What could be left of clients: choices, bytes of KV caches of running ones, open files, memory. */
async function remains() {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} ([\\d.e+-]+)$`, "m").exec(text)![1]);
  const folder = `/proc/${worker(server.child.pid!)}/fd`;
  return {
    running: value("llama_ts_requests_running") + value("llama_ts_requests_waiting"),
    kvBytes: value('llama_ts_kv_bytes\\{state="running"\\}'),
    kept: value('llama_ts_kv_bytes\\{state="kept"\\}'),
    limit: value("llama_ts_kv_bytes_limit"),
    memory: value("process_resident_memory_bytes"),
    files: existsSync(folder) ? readdirSync(folder).length : 0,
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, "in time");
    await new Promise((done) => setTimeout(done, 5));
  }
}

function open(body: object): RawClient {
  return rawClient(server.port, rawRequest("/v1/completions", body));
}

/** Opens many streams, some at once, and leaves each at a text of its answer. */
async function leaveAt(pattern: RegExp, bodyOf: (i: number) => object): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < MANY) {
      const client = open(bodyOf(next++));
      await client.until(pattern);
      client.socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  await untilIdle(server);
}

/** 300 ids that no other prompt begins with. */
const promptOf = (i: number) => Array.from({ length: 300 }, (_, k) => 300 + ((k * 7 + i * 13 + 1) % 1500));
await leaveAt(/"text":"./, () => LONG);
const before = await remains();

test(`${MANY} clients leave while they wait in the queue; those that run do not notice`, async () => {
  const busy = Array.from({ length: AT_ONCE }, () => open({ ...LONG, max_tokens: 250, seed: 3 }));
  for (const client of busy) await client.until(/"text":"./);
  const queued = Array.from({ length: MANY }, () => open(LONG));
  await until(async () => (await server.counts()).waiting === MANY);
  for (const { socket } of queued) socket.destroy();
  await until(async () => (await server.counts()).waiting === 0);
  for (const client of busy) await client.until(/"finish_reason":"length"[\s\S]*data: \[DONE\]/);
  for (const { socket } of busy) socket.destroy();
});

test(`${MANY} clients leave in the prompt, and ${MANY} in the text`, async () => {
  await leaveAt(/"prompt_progress"|"queue"|"text":"./, (i) => ({
    ...LONG,
    prompt: promptOf(i),
    return_progress: true,
  }));
  await leaveAt(/"text":"./, (i) => ({ ...LONG, prompt: promptOf(i).slice(0, 9) }));
});

test("1,000 connections that say nothing: others are answered", async () => {
  const idle = Array.from({ length: 1000 }, () => rawClient(server.port));
  await Promise.all(idle.map(({ socket }) => new Promise((done) => socket.once("connect", done))));
  const answer = await server.json("/v1/completions", { prompt: "Once upon a time", max_tokens: 1, temperature: 0 });
  assert.deepEqual([answer.status, answer.body.choices[0].text], [200, ","]);
  for (const { socket } of idle) socket.destroy();
});

test("20 bodies of 10 MB at once: each is refused, nothing of them is kept", async () => {
  const text = JSON.stringify({ prompt: "x".repeat(10 << 20) });
  const clients = Array.from({ length: 20 }, () => open(text as unknown as object));
  for (const client of clients) await client.until(/^HTTP\/1\.1 413 [\s\S]*"body_too_large"/);
  for (const { socket } of clients) socket.destroy();
});

test("after all this there is what there was before", async () => {
  await untilIdle(server);
  await until(async () => (await remains()).files <= before.files + 2);
  const { running, kvBytes, kept, limit, memory } = await remains();
  assert.deepEqual([running, kvBytes], [0, 0]);
  assert.ok(kept <= limit, `${kept} of ${limit}`);
  // Kept KV caches are counted on their own; the bodies alone had 200 MB.
  const grown = memory - before.memory - (kept - before.kept);
  assert.ok(grown < 160e6, `${grown} bytes more`);
  const answer = await server.json("/v1/completions", { prompt: "Once upon a time", max_tokens: 2, temperature: 0 });
  assert.equal(answer.body.choices[0].text, ", there");
});

test(`SIGTERM with ${AT_ONCE} streams: all come to their end, and the exit code is 0`, async () => {
  const streams = Array.from({ length: AT_ONCE }, () => open({ ...LONG, max_tokens: 100 }));
  for (const client of streams) await client.until(/"text":"./);
  server.child.kill("SIGTERM");
  for (const client of streams) await client.until(/"finish_reason":"length"[\s\S]*data: \[DONE\]/);
  assert.equal(await server.ended(), 0);
});

lastly(() => server.child.kill("SIGKILL"));
