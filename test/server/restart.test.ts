/** A server whose model fails: everybody gets an error, the supervisor starts it again at the same port, and not without end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { BIN } from "../cli/cli-process.js";
import { worker } from "../cli/working-process.js";
import { rawClient, rawRequest } from "./raw-client.js";
import { type ServerProcess, startServer } from "./server-process.js";

const QUIET = ["--log_format", "none", "--nproc_per_node", "1"];
const LONG = { prompt: "Once upon a time", max_tokens: 400, ignore_eos: true };
const SHORT = { prompt: "Once upon a time", max_tokens: 1, temperature: 0 };
const skip = process.platform !== "linux" && "it reads /proc";

/** Waits until the server is ready for the nth time. */
async function ready(server: ServerProcess, times: number): Promise<void> {
  const end = Date.now() + 20_000;
  while ([...server.stderr().matchAll(/^Ready: /gm)].length < times) {
    assert.ok(Date.now() < end, server.stderr());
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function text(server: ServerProcess): Promise<unknown> {
  const { status, body } = await server.json("/v1/completions", SHORT);
  return status === 200 ? body.choices[0].text : body;
}

test("a rank fails: all get a 503, the model is started again, and the next request works", { skip }, async () => {
  const server = await startServer(QUIET, { env: { TEST_LLAMA_TS_FAULT: "0:decode:2:throw" } });
  const streams = Array.from({ length: 4 }, () =>
    rawClient(server.port, rawRequest("/v1/completions", { ...LONG, stream: true })),
  );
  const plain = Array.from({ length: 20 }, () => server.json("/v1/completions", LONG));
  for (const stream of streams) {
    await stream.until(/"code":"engine_failed"/);
    assert.doesNotMatch(stream.received(), /\[DONE\]/);
  }
  for (const { status, body } of await Promise.all(plain)) {
    assert.deepEqual([status, body.error.code], [503, "engine_failed"]);
  }
  await ready(server, 2);
  // The fault is in decoding; one token needs none.
  assert.equal(await text(server), ",");
  assert.match(server.stderr(), /^llama-ts: starting the model again \(1 of 3\)$/m);
  server.child.kill("SIGTERM");
  assert.equal(await server.ended(), 0);
});

test("a process that is killed is started again, and after --max_restarts ends with its code", { skip }, async () => {
  const server = await startServer([...QUIET, "--max_restarts", "1"]);
  const stream = rawClient(server.port, rawRequest("/v1/completions", { ...LONG, stream: true }));
  await stream.until(/"text":"./);
  process.kill(worker(server.child.pid!)!, "SIGKILL");
  await stream.closed;
  await ready(server, 2);
  assert.equal(await text(server), ",");
  process.kill(worker(server.child.pid!)!, "SIGKILL");
  assert.equal(await server.ended(), 137);
  const lines = server.stderr().match(/^llama-ts: .*$/gm)!;
  assert.match(lines[0]!, /^llama-ts: the process was killed \(SIGKILL\) while working/);
  assert.equal(lines[1], "llama-ts: starting the model again (1 of 1)");
  assert.match(lines[2]!, /^llama-ts: the process was killed \(SIGKILL\) while working/);
  assert.equal(lines.length, 3);
});

test("a full disk stops no answers, only logs", { skip }, async () => {
  const noted = await startServer([...QUIET, "--log_prompts", "/dev/full"]);
  for (let i = 0; i < 3; i++) assert.equal(await text(noted), ",");
  assert.equal([...noted.stderr().matchAll(/--log_prompts \/dev\/full: cannot be written \(ENOSPC/g)].length, 1);
  const port = noted.port;
  noted.child.kill("SIGTERM");
  assert.equal(await noted.ended(), 0);
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [BIN, "serve", "--port", String(port), "--nproc_per_node", "1"], {
    stdio: ["ignore", "ignore", full],
    env: { ...process.env, LLAMA_TS_CONFIG: "" },
  });
  process.on("exit", () => child.kill("SIGKILL"));
  closeSync(full);
  const ended = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const ask = () => fetch(`${url}/health`).then(({ status }) => status);
  while ((await ask().catch(() => 0)) !== 200) await new Promise((done) => setTimeout(done, 20));
  for (let i = 0; i < 3; i++) {
    const headers = { "content-type": "application/json" };
    const { status } = await fetch(`${url}/v1/completions`, { method: "POST", headers, body: JSON.stringify(SHORT) });
    assert.equal(status, 200);
  }
  child.kill("SIGTERM");
  const [code, signal] = await ended;
  assert.deepEqual([code, signal], [0, null]);
});
