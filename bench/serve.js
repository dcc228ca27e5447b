#!/usr/bin/env node
/**
 * Measures the server: new tokens per second of N clients at once beside one batch in this process, times to the first token and
 * gaps between tokens with arrivals at random (Poisson), and what HTTP adds to a token. The clients run in this process, on the
 * same cores: where those are few, the processor time a token compares server and batch without them.
 *   node bench/serve.js [--ckpt_dir DIR] [--dtype fp32] [--nproc_per_node 2] [--clients 16] [--pp 64] [--tg 64] [--rounds 3]
 *                       [--requests 64] [--load 0.7] [--url http://127.0.0.1:PORT --model NAME]
 * --load: arrivals as a part of what the clients at once have reached. With --url another server is measured, in the same way and
 * without a batch; start both servers and run this for one, then for the other, on the same weights.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { demoModel, Llama } from "../dist/src/index.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    ...{ ckpt_dir: text(demoModel.ckptDir), dtype: text("auto"), nproc_per_node: text("auto"), clients: text("16") },
    ...{ pp: text("64"), tg: text("64"), rounds: text("3"), requests: text("64"), load: text("0.7") },
    ...{ url: { type: "string" }, model: text("") },
  },
});
const [clients, pp, tg, rounds, requests, load] = ["clients", "pp", "tg", "rounds", "requests", "load"].map((name) =>
  Number(values[name]),
);
const maxSeqLen = Math.max(512, 2 * (pp + tg));
let seed = 1;
const promptIds = () => {
  seed++;
  return Array.from({ length: pp }, (_, i) => 300 + (((Math.imul(i + 1, 0x9e3779b1) + seed * 7919) >>> 0) % 1500));
};
const sorted = (list) => list.toSorted((a, b) => a - b);
const at = (list, part) => sorted(list)[Math.min(list.length - 1, Math.floor(part * list.length))] ?? Number.NaN;
const median = (list) => at(list, 0.5);
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/**
 * Streams one answer; returns the times of its events, from the request. The clients have the same cores as the server, so they do
 * little: `fetch` and JSON.parse of each event would take more time than HTTP takes in the server.
 */
function ask(url, prompt, count = tg) {
  const start = performance.now();
  const model = values.model === "" ? {} : { model: values.model };
  const body = { prompt, max_tokens: count, temperature: 0, ignore_eos: true, stream: true, cache_prompt: false };
  const text = JSON.stringify({ ...body, ...model, stream_options: { include_usage: true } });
  const headers = { "content-type": "application/json", "content-length": text.length };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/v1/completions`, { method: "POST", agent, headers }, (response) => {
      const times = [];
      let tokens = 0;
      let rest = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => {
        const now = performance.now() - start;
        rest += piece;
        if (response.statusCode !== 200) return;
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          const event = rest.slice(0, end);
          rest = rest.slice(end + 2);
          if (!event.startsWith("data: {")) continue;
          if (/"text":"[^"]/.test(event)) times.push(now);
          else if (event.includes('"usage":{')) tokens = JSON.parse(event.slice(6)).usage.completion_tokens;
          else if (event.includes('"error":')) reject(new Error(event));
        }
      });
      response.on("end", () => {
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode}: ${rest}`));
        else resolve({ times, tokens, total: performance.now() - start });
      });
      response.on("error", reject);
    });
    asked.on("error", reject).end(text);
  });
}

/** Processor time of a process so far, in milliseconds; null where the system does not say it (Linux does). */
function processorTime(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((id) =>
      Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "latin1").split(" ")[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1e6;
  } catch {
    return null;
  }
}

/** New tokens per second of all clients, each with one request. */
async function atOnce(url) {
  const start = performance.now();
  const answers = await Promise.all(Array.from({ length: clients }, () => ask(url, promptIds())));
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  return (tokens * 1000) / (performance.now() - start);
}

/** Requests that come at random, `rate` a second in the mean. */
async function poisson(url, rate) {
  const asked = [];
  const start = performance.now();
  for (let i = 0; i < requests; i++) {
    asked.push(ask(url, promptIds()));
    await new Promise((done) => setTimeout(done, (-Math.log(1 - Math.random()) / rate) * 1000));
  }
  const answers = await Promise.all(asked);
  const first = answers.map(({ times }) => times[0]);
  const gaps = answers.flatMap(({ times }) => times.slice(1).map((time, i) => time - times[i]));
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${requests} requests at ${rate.toFixed(2)} a second: first token p50 ${ms(median(first))}, p99 ${ms(at(first, 0.99))}; ` +
      `gap p50 ${ms(median(gaps))}, p99 ${ms(at(gaps, 0.99))}; ${(tokens / seconds).toFixed(1)} tok/s`,
  );
}

async function startServer() {
  const bin = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
  const options = ["--ckpt_dir", values.ckpt_dir, "--dtype", values.dtype, "--nproc_per_node", values.nproc_per_node];
  const limits = [
    "--max_seq_len",
    `${maxSeqLen}`,
    "--concurrency",
    `${clients}`,
    "--log_format",
    "none",
    "--no_supervisor",
    "--port",
    "0",
  ];
  const child = spawn(process.execPath, [bin, "serve", ...options, ...limits], { stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => child.kill("SIGKILL"));
  let said = "";
  while (!/^Ready: /m.test(said)) {
    const [piece] = await Promise.race([once(child.stderr, "data"), once(child, "exit").then(() => [null])]);
    if (piece === null) throw new Error(said);
    said += piece;
  }
  console.log(/^Ready: (.*)$/m.exec(said)[1]);
  const [, url] = /^Serving .* at (\S+)\/v1$/m.exec(said);
  return { url, child };
}

/** One text in this process: milliseconds of a token after the first. */
async function alone(llama, prompt, options) {
  const times = [];
  for await (const { id } of llama.stream(prompt, options)) if (id !== null) times.push(performance.now());
  return (times.at(-1) - times[0]) / (times.length - 1);
}

const server = values.url ? null : await startServer();
const url = values.url?.replace(/\/(v1\/?)?$/, "") ?? server.url;
await ask(url, promptIds());
const rates = [];
if (values.url) {
  for (let round = 0; round < rounds; round++) rates.push(await atOnce(url));
  console.log(`${clients} clients at once: ${median(rates).toFixed(1)} tok/s`);
} else {
  // The server does nothing while this process computes, and the other way round.
  const ranks = values.nproc_per_node === "auto" ? "auto" : Number(values.nproc_per_node);
  const limits = { maxSeqLen, concurrency: clients };
  const llama = await Llama.build({ ckptDir: values.ckpt_dir, dtype: values.dtype, nprocPerNode: ranks, ...limits });
  const bias = Object.fromEntries([...llama.tokenizer.stopIds].map((id) => [id, -Infinity]));
  const options = { temperature: 0, maxGenLen: tg, promptLookupNumTokens: 0, cachePrompt: false, logitBias: bias };
  const batches = [];
  const http = [];
  const serverTimes = [];
  const batchTimes = [];
  const own = [];
  for (let round = 0; round < rounds; round++) {
    const before = processorTime(server.child.pid);
    rates.push(await atOnce(url));
    serverTimes.push((processorTime(server.child.pid) - before) / (clients * tg));
    const { promptLookupNumTokens, ...rest } = options;
    const rows = Array.from({ length: clients }, () => ({ tag: 0, prompt: promptIds(), options: rest }));
    const start = performance.now();
    const startTime = processorTime(process.pid);
    let tokens = 0;
    const together = { concurrency: clients, promptLookupNumTokens };
    for await (const { completion } of llama.batch(rows, together)) tokens += completion.ids.length;
    batches.push((tokens * 1000) / (performance.now() - start));
    batchTimes.push((processorTime(process.pid) - startTime) / tokens);
    const prompt = promptIds();
    own.push(await alone(llama, prompt, options));
    const { times } = await ask(url, prompt);
    http.push((times.at(-1) - times[0]) / (times.length - 1));
  }
  const ratios = rates.map((rate, i) => rate / batches[i]);
  const range = (list) => `${Math.min(...list).toFixed(2)} to ${Math.max(...list).toFixed(2)}`;
  console.log(
    `${clients} clients at once: ${median(rates).toFixed(1)} tok/s; batch ${median(batches).toFixed(1)}; ratio ${median(ratios).toFixed(2)} (${range(ratios)})`,
  );
  if (processorTime(process.pid) !== null) {
    const shares = batchTimes.map((time, i) => time / serverTimes[i]);
    console.log(
      `processor time a token: server ${ms(median(serverTimes))}, batch ${ms(median(batchTimes))}; batch / server ${median(shares).toFixed(2)} (${range(shares)})`,
    );
  }
  const added = http.map((time, i) => time - own[i]);
  console.log(
    `one text: ${ms(median(http))} a token by HTTP, ${ms(median(own))} without; HTTP adds ${ms(median(added))} (${range(added)})`,
  );
  await llama.close();
}
await poisson(url, (load * median(rates)) / tg);
server?.child.kill("SIGTERM");
