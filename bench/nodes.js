#!/usr/bin/env node
/**
 * Decode of a model over two hosts against one, and against the formulas of docs/scale-out.md. The hosts are network namespaces on
 * this machine with a cable of a given rate, and each has a core of its own. For root on Linux, with ip, tc and nats-server.
 *   node bench/nodes.js [--rates 1gbit,100mbit] [--dim 5120] [--hidden 13824] [--heads 40] [--layers 4] [--dtype int8] [--texts 8] [--tokens 32]
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    ...{ rates: text("1gbit,100mbit"), dim: text("5120"), hidden: text("13824"), heads: text("40"), layers: text("4") },
    ...{ dtype: text("int8"), texts: text("8"), tokens: text("32") },
  },
});
const [dim, texts, tokens] = [values.dim, values.texts, values.tokens].map(Number);
const BIN = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
const BYTES_PER_SECOND = { "1gbit": 117e6, "100mbit": 11.6e6 };
const names = ["lts-bench-a", "lts-bench-b"];
const folder = mkdtempSync(join(tmpdir(), "llama-ts-nodes-"));
const model = join(folder, "model");

const run = (program, ...args) => execFileSync(program, args, { stdio: ["ignore", "pipe", "pipe"] });

/** A command on a core, in a namespace if one is given; resolves with its stdout. */
function start(args, core, name) {
  const prefix = [...(name ? ["ip", "netns", "exec", name] : []), "taskset", "-c", String(core)];
  const [program, ...rest] = [...prefix, process.execPath, BIN, ...args];
  const env = { ...process.env, LLAMA_TS_RDZV_TOKEN: "bench", XDG_CACHE_HOME: join(folder, "cache") };
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env });
  const out = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (piece) => {
      out[stream] += piece;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("close", (code) =>
      code === 0 ? resolve(out.stdout) : reject(new Error(`${args[0]}: ${code}\n${out.stderr}`)),
    );
  });
}

const LOAD = ["--ckpt_dir", model, "--dtype", values.dtype, "--nproc_per_node", "1", "--threads", "1", "--quiet"];
const ONE = ["bench", ...LOAD, "--pp", "0", "--tg", String(tokens), "--trials", "3", "--json"];

/** Tokens per second of one text. */
const rateOf = (stdout) => JSON.parse(stdout).results[0].tps_median;

/** Tokens per second of `count` texts that run at once: the difference of a long and a short run leaves out loading and prompts. */
async function batchRate(count, runLine) {
  const seconds = [];
  for (const length of [2, tokens]) {
    const input = join(folder, `in-${count}-${length}.jsonl`);
    const lines = Array.from({ length: count }, (_, id) => ({ id, prompt: `x${id}`, max_gen_len: length }));
    writeFileSync(input, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const begin = performance.now();
    const output = await runLine(["batch", input, ...LOAD, "--concurrency", String(count), "--temperature", "0"]);
    seconds.push({
      time: (performance.now() - begin) / 1000,
      made: output
        .trim()
        .split("\n")
        .reduce((sum, line) => sum + JSON.parse(line).ids.length, 0),
    });
  }
  const [short, long] = seconds;
  return (long.made - short.made) / (long.time - short.time);
}

function onTwo(group) {
  return (args) => {
    const meet = [
      "--nnodes",
      "2",
      "--rdzv_endpoint",
      "10.98.0.1:29400",
      "--rdzv_id",
      group,
      "--rdzv_conf",
      "join_timeout=60",
    ];
    const [zero] = names.map((name, rank) => start([...args, ...meet, "--node_rank", String(rank)], rank, name));
    return zero;
  };
}

try {
  run(
    process.execPath,
    fileURLToPath(new URL("random-model.js", import.meta.url)),
    "--out",
    model,
    ...["dim", "hidden", "heads", "layers"].flatMap((name) => [`--${name}`, values[name]]),
  );
  const alone = rateOf(await start(ONE, 0));
  const half = await batchRate(texts / 2, (args) => start(args, 0));
  console.log(`one host, one core: one text ${alone.toFixed(2)} tok/s; ${texts / 2} texts ${half.toFixed(2)} tok/s`);
  for (const name of names) run("ip", "netns", "add", name);
  run("ip", "link", "add", "e0", "netns", names[0], "type", "veth", "peer", "name", "e0", "netns", names[1]);
  for (const [i, name] of names.entries()) {
    run("ip", "-n", name, "addr", "add", `10.98.0.${i + 1}/24`, "dev", "e0");
    run("ip", "-n", name, "link", "set", "e0", "up");
    run("ip", "-n", name, "link", "set", "lo", "up");
  }
  for (const [i, rate] of values.rates.split(",").entries()) {
    for (const name of names) {
      const tbf = ["tbf", "rate", rate, "burst", "256kb", "latency", "100ms"];
      run("ip", "netns", "exec", name, "tc", "qdisc", "replace", "dev", "e0", "root", ...tbf);
    }
    const hop = (rows) => 0.0003 + 0.00015 + rows * dim * 4 * (1 / (BYTES_PER_SECOND[rate] ?? 117e6) + 2.4e-9);
    const one = rateOf(await onTwo(`one${i}`)(ONE));
    // Both hosts' steps together take as long as one host's; then a hop each way, of which one carries only ids.
    const expected = 1 / (1 / alone + hop(1) + 0.00045);
    const many = await batchRate(texts, onTwo(`many${i}`));
    const step = texts / 2 / half / 2;
    const expectedMany = texts / Math.max(2 * step, 2 * step + hop(texts / 2) + 0.00045);
    const share = (found, should) =>
      `${found.toFixed(2)} tok/s, expected ${should.toFixed(2)} (${((found / should - 1) * 100).toFixed(0)} %)`;
    console.log(`${rate}: one text ${share(one, expected)}; ${texts} texts ${share(many, expectedMany)}`);
  }
} finally {
  for (const name of names) {
    try {
      run("ip", "netns", "delete", name);
    } catch {
      // It was not made.
    }
  }
  rmSync(folder, { recursive: true, force: true });
}
