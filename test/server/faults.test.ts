/** What goes wrong between a server and its clients: who leaves, who waits, who ends, and what is left afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { llama } from "../cli/cli-process.js";
import { rawClient, rawRequest } from "./raw-client.js";
import { type ServerProcess, startServer, untilCounts, untilIdle } from "./server-process.js";

const QUIET = ["--log_format", "none", "--nproc_per_node", "1"];
const PROMPT = "Once upon a time";
const LONG = { prompt: PROMPT, max_tokens: 480, ignore_eos: true };
const server = await startServer([...QUIET, "--concurrency", "2", "--max_queue", "8"]);

async function waiting(count: number): Promise<void> {
  await untilCounts(server, ({ waiting }) => waiting >= count);
}

/** Starts a stream and waits for its first event. */
async function stream(to: ServerProcess, body: object) {
  const client = rawClient(to.port, rawRequest("/v1/completions", { ...body, stream: true }));
  await client.until(/"text":"./);
  return client;
}

test("a client that leaves ends its request: while it streams, without a stream, in the prompt, in the queue", async () => {
  for (let i = 0; i < 20; i++) {
    const streaming = await stream(server, LONG);
    streaming.socket.destroy();
    const plain = rawClient(server.port, rawRequest("/v1/completions", LONG));
    await untilCounts(server, ({ running }) => running !== 0);
    plain.socket.destroy();
    const prompt = Array.from({ length: 480 }, (_, k) => 300 + ((k * 7 + i) % 1000));
    const progress = { ...LONG, prompt, max_tokens: 16, stream: true, return_progress: true };
    const prefilling = rawClient(server.port, rawRequest("/v1/completions", progress));
    await prefilling.until(/"prompt_progress"|"queue"/);
    prefilling.socket.destroy();
    await untilIdle(server);
  }
  const busy = [await stream(server, LONG), await stream(server, LONG)];
  for (let i = 0; i < 20; i++) {
    const queued = rawClient(server.port, rawRequest("/v1/completions", LONG));
    await waiting(1);
    queued.socket.destroy();
    await untilCounts(server, ({ waiting }) => waiting <= 0);
    if (i % 5 === 4) {
      // Running ones end too, and others take their places.
      busy.shift()!.socket.destroy();
      busy.push(await stream(server, LONG));
    }
  }
  for (const { socket } of busy) socket.destroy();
  await untilIdle(server);
  const { status, body } = await server.json("/v1/completions", { prompt: PROMPT, max_tokens: 2, temperature: 0 });
  assert.deepEqual([status, body.choices[0].text], [200, ", there"]);
});

test("one client may have half of the queue: 429 with a time; /slots has a row each choice, without texts", async () => {
  const busy = [await stream(server, LONG), await stream(server, LONG)];
  const queued = Array.from({ length: 4 }, () => rawClient(server.port, rawRequest("/v1/completions", LONG)));
  await waiting(4);
  const response = await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(LONG),
  });
  const { error } = (await response.json()) as { error: { code: string; type: string } };
  assert.deepEqual([response.status, error.code, error.type], [429, "too_many_requests", "rate_limit_error"]);
  const seconds = Number(response.headers.get("retry-after"));
  assert.ok(seconds >= 1 && seconds <= 60, `${seconds}`);
  const { body: rows } = await server.json("/slots");
  const states = rows.map((row: { state: string }) => row.state);
  assert.deepEqual(states, ["text", "text", "waiting", "waiting", "waiting", "waiting"]);
  const [first] = rows;
  assert.ok(first.n_prompt === 5 && first.n_done === 5 && first.n_predicted > 0 && first.age_ms > 0);
  assert.doesNotMatch(JSON.stringify(rows), /Once|upon/);
  for (const { socket } of [...busy, ...queued]) socket.destroy();
  await untilIdle(server);
  assert.deepEqual((await server.json("/slots")).body, []);
});

test("a reader that stops keeps nobody waiting, and its own request comes to its end", async () => {
  const body = { ...LONG, max_tokens: 400, n: 2, logprobs: 20, stream: true };
  const slow = rawClient(server.port, rawRequest("/v1/completions", body));
  await slow.until(/"text":"./);
  slow.socket.pause();
  await untilIdle(server, 30_000);
  assert.doesNotMatch(slow.received(), /\[DONE\]/);
  assert.equal((await server.json("/v1/completions", { prompt: PROMPT, max_tokens: 2 })).status, 200);
  slow.socket.resume();
  await slow.until(/\[DONE\]/);
  slow.socket.destroy();
});

test("a body that will be refused is not asked for", async () => {
  const head = [
    "POST /v1/completions HTTP/1.1",
    "Host: localhost",
    "Expect: 100-continue",
    "Content-Type: application/json",
  ];
  const large = rawClient(server.port, [...head, "Content-Length: 99999999", "", ""].join("\r\n"));
  await large.until(/^HTTP\/1\.1 413/);
  large.socket.destroy();
  const small = JSON.stringify({ prompt: PROMPT, max_tokens: 1 });
  const asked = rawClient(server.port, [...head, `Content-Length: ${small.length}`, "", ""].join("\r\n"));
  await asked.until(/^HTTP\/1\.1 100 Continue/);
  asked.socket.write(small);
  await asked.until(/200 OK[\s\S]*text_completion/);
  asked.socket.destroy();
});

test("a half-closed connection counts as left; requests in a row are answered in their order", async () => {
  const short = { prompt: PROMPT, max_tokens: 2, temperature: 0 };
  const half = rawClient(server.port);
  half.socket.end(rawRequest("/v1/completions", LONG));
  await half.closed;
  assert.equal(half.received(), "");
  await untilIdle(server);
  const wrong = rawRequest("/v1/completions", "{");
  const row = rawClient(server.port, rawRequest("/v1/completions", short) + wrong + rawRequest("/livez") + wrong);
  await row.until(/(invalid_json[\s\S]*){2}/);
  const found = [...row.received().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(found, ["200", "400", "200", "400"]);
  row.socket.destroy();
  const left = rawClient(server.port, rawRequest("/v1/completions", LONG).repeat(2));
  await untilCounts(server, ({ running }) => running >= 2);
  left.socket.destroy();
  await untilIdle(server, 1000);
});

test("wrong bodies are refused with one form of error, and the server works on", async () => {
  const deep = `{"prompt":${"[".repeat(100_000)}`;
  const bodies: [unknown, number, string][] = [
    ["{", 400, "invalid_json"],
    ["[]", 400, "invalid_type"],
    [deep, 400, "invalid_json"],
    ['{"prompt":"a","__proto__":{}}', 400, "invalid_json"],
    ['{"prompt":"a","\\u005f_proto__":{}}', 400, "invalid_json"],
    [{}, 400, "missing_required_parameter"],
    [{ prompt: [] }, 400, "invalid_type"],
    [{ prompt: [1, "a"] }, 400, "invalid_type"],
    [{ prompt: [5000] }, 400, "invalid_value"],
    [{ prompt: "a", temperature: -1 }, 400, "invalid_value"],
    [{ prompt: "a", logit_bias: { x: 1 } }, 400, "invalid_value"],
    [{ prompt: "a", repetition_penalty: 5e-324 }, 400, "invalid_value"],
    [{ prompt: "a", n: 2, best_of: 1 }, 400, "invalid_value"],
    [{ prompt: Array(100).fill("a") }, 400, "invalid_value"],
    [{ prompt: Array(512).fill(5) }, 400, "context_length_exceeded"],
    [{ prompt: "a ".repeat(100_000) }, 400, "context_length_exceeded"],
    [{ prompt: "a", model: "gpt-4" }, 404, "model_not_found"],
    [{ prompt: "a", tools: [{}] }, 400, "unsupported_parameter"],
    [{ prompt: "a", response_format: { type: "yaml" } }, 400, "unsupported_parameter"],
    [{ prompt: "a", structured_outputs: { structural_tag: "a" } }, 400, "unsupported_parameter"],
    [{ prompt: "a", guided_choice: ["a"], grammar: "root ::= a" }, 400, "invalid_value"],
    [{ prompt: "a", format: "json" }, 400, "unsupported_parameter"],
  ];
  for (const [sent, status, code] of bodies) {
    const answer = await server.json("/v1/completions", sent);
    const place = JSON.stringify(sent).slice(0, 80);
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], place);
    assert.deepEqual(Object.keys(answer.body.error).slice(0, 4), ["message", "type", "param", "code"], place);
  }
  // Half a pair of surrogates in a name, and a pair where a long name is cut.
  for (const name of ["\ud835", `${"x".repeat(63)}\ud835\udd7f`]) {
    assert.equal((await server.json("/v1/completions", { prompt: "a", max_tokens: 1, [name]: 1 })).status, 200);
  }
  const passing = { tools: [], tool_choice: "none", response_format: { type: "text" }, user: "me", suffix: null };
  const response = await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "a", max_tokens: 1, ...passing, novel: 1 }),
  });
  assert.deepEqual([response.status, response.headers.get("x-llama-ts-ignored")], [200, "novel"]);
  await response.text();
  const large = rawClient(server.port, rawRequest("/v1/completions", "x".repeat(9 << 20)));
  await large.until(/413[\s\S]*body_too_large/);
  large.socket.write(rawRequest("/livez"));
  await large.until(/"status":"ok"/);
  large.socket.destroy();
  const part = `${(9 << 20).toString(16)}\r\n${"x".repeat(9 << 20)}\r\n0\r\n\r\n`;
  const chunked = ["Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked"];
  const counted = rawClient(server.port, `POST /v1/completions HTTP/1.1\r\n${chunked.join("\r\n")}\r\n\r\n${part}`);
  await counted.until(/413[\s\S]*body_too_large/);
  counted.socket.destroy();
  const text = await fetch(`${server.url}/v1/completions`, { method: "POST", body: "{}" });
  assert.equal(text.status, 415);
  await untilIdle(server);
});

test("a taken port is said, with the next step", async () => {
  const { code, stderr } = await llama(["serve", "--port", String(server.port)]);
  assert.equal(code, 1);
  assert.match(stderr, /the port is taken\. Choose another port, or 0 for a free one/);
});

test("SIGTERM: running answers finish, waiting ones get a 503, and the exit code is 0", async () => {
  const one = await startServer([...QUIET, "--concurrency", "1"]);
  const running = await stream(one, { ...LONG, max_tokens: 200 });
  const queued = one.json("/v1/completions", LONG);
  await untilCounts(one, ({ waiting }) => waiting !== 0);
  one.child.kill("SIGTERM");
  const { status, body } = await queued;
  assert.deepEqual([status, body.error.code], [503, "draining"]);
  await running.until(/"finish_reason":"length"[\s\S]*data: \[DONE\]/);
  assert.equal(await one.ended(), 0);
});

test("a drain that takes too long ends streams with an error, and the exit code is the signal's", async () => {
  const one = await startServer([...QUIET, "--drain_timeout", "0.05"]);
  const running = await stream(one, { ...LONG, n: 8 });
  one.child.kill("SIGTERM");
  await running.until(/"code":"draining"/);
  assert.doesNotMatch(running.received(), /\[DONE\]/);
  assert.equal(await one.ended(), 143);
});

test("while the model loads there are 503s with a time, and /livez", async () => {
  const one = await startServer(QUIET, { isReady: false });
  const response = await fetch(`${one.url}/health`);
  const { error } = (await response.json()) as { error?: { code: string } };
  // A fast machine may have loaded it by now.
  if (response.status !== 200) {
    assert.deepEqual([response.status, error?.code], [503, "loading"]);
    assert.ok(Number(response.headers.get("retry-after")) >= 1);
  }
  assert.equal((await one.json("/livez")).status, 200);
  one.child.kill("SIGTERM");
  await one.ended();
});

test("a rank that fails: a stream ends with an error, all others get a 503, and the process ends", async () => {
  const fault = { TEST_LLAMA_TS_FAULT: "0:decode:2:throw" };
  const one = await startServer([...QUIET, "--max_restarts", "0", "--chat", "llama2"], { env: fault });
  const streaming = rawClient(one.port, rawRequest("/v1/completions", { ...LONG, stream: true }));
  const named = rawClient(one.port, rawRequest("/v1/responses", { input: "Hi", stream: true }));
  const lines = rawClient(one.port, rawRequest("/api/generate", { prompt: PROMPT }));
  const plain = one.json("/v1/completions", LONG);
  await streaming.until(/"code":"engine_failed"/);
  assert.doesNotMatch(streaming.received(), /\[DONE\]/);
  // Each in the form of its stream, or as a whole answer if it had not begun.
  await named.until(/event: error\ndata: \{"type":"error","sequence_number":\d+,"code":"engine_failed"|HTTP\/1\.1 503/);
  await lines.until(/\{"error":"The model has failed/);
  const { status, body } = await plain;
  assert.deepEqual([status, body.error.code], [503, "engine_failed"]);
  assert.equal(await one.ended(), 1);
  assert.match(one.stderr(), /rank 0/);
});

test("a request that takes longer than --request_timeout gets a 504, and ends", async () => {
  const one = await startServer([...QUIET, "--request_timeout", "0.05"]);
  const { status, body } = await one.json("/v1/completions", { ...LONG, n: 8 });
  assert.deepEqual([status, body.error.code], [504, "timeout"]);
  await untilIdle(one);
});

test("the log has counts and times, and no text, key or query", async () => {
  const one = await startServer(["--nproc_per_node", "1"], {
    env: { LLAMA_TS_API_KEY: "secretkey" },
    key: "secretkey",
  });
  const id = { "x-request-id": "my-own-id" };
  await one.json("/v1/completions?token=hidden", { prompt: "Violet elephants", max_tokens: 3, logprobs: 0 }, id);
  while (!/my-own-id/.test(one.stderr())) await new Promise((done) => setTimeout(done, 5));
  assert.match(
    one.stderr(),
    /my-own-id POST \/v1\/completions 200 \d+ in \(0 cached\), 3 out queue|my-own-id POST \/v1\/completions 200 \d+ in \(0 cached\) 3 out/,
  );
  assert.doesNotMatch(one.stderr(), /secretkey|hidden|Violet/);
});

test("after all this the first server has nothing left that holds up its end", async () => {
  const start = performance.now();
  server.child.kill("SIGTERM");
  assert.equal(await server.ended(), 0);
  assert.ok(performance.now() - start < 5000);
  // No client that left was taken for a bug.
  assert.doesNotMatch(server.stderr(), /unexpected failure/);
});
