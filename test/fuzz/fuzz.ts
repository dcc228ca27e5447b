/**
 * Runs changed files through the readers: they may only throw a LlamaError, within limits of time and memory.
 * By hand: npm run fuzz -- [--seed N] [--count N] [--start N] [--target NAME]; a failure prints the arguments that repeat it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, memoryUsage, resourceUsage } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { LlamaError } from "../../src/error.js";
import { Dice } from "./dice.js";
import { makeTargets } from "./targets.js";

const MAX_MS = 2000;
/** A file has 50 KB; deflate makes it at most a thousand times larger, and the readers have buffers of 8 MB. */
const MAX_BYTES = 100e6;
/** One line without control characters, short enough for a terminal. */
const MESSAGE = /^[^\p{Cc}\p{Cs}]{1,2000}$/u;

export interface FuzzOptions {
  seed: number;
  count: number;
  /** Number of the first mutation. */
  start?: number;
  target?: string | undefined;
}

export interface FuzzResult {
  /** By target: the numbers of files read without an error, and rejected. */
  counts: Record<string, { read: number; refused: number }>;
  slowestMs: number;
  /** What was wrong, with the arguments that repeat it. */
  failures: string[];
}

/** Tests the targets in turn. If a reader does not return, prints which file it was and kills the process. */
export function fuzz({ seed, count, start = 0, target }: FuzzOptions): FuzzResult {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-fuzz-"));
  const watch = watchdog();
  const result: FuzzResult = { counts: {}, slowestMs: 0, failures: [] };
  try {
    const targets = makeTargets(folder).filter(({ name }) => target === undefined || name === target);
    for (let number = start; number < start + count; number++) {
      const { name, make, read } = targets[number % targets.length]!;
      result.counts[name] ??= { read: 0, refused: 0 };
      const repeat = `--seed ${seed} --start ${number} --count 1${target === undefined ? "" : ` --target ${target}`}`;
      const bytes = make(new Dice(seed, number));
      watch.next(`${name}: ${repeat}`);
      const before = { peak: resourceUsage().maxRSS * 1024, buffers: memoryUsage().arrayBuffers };
      const begin = performance.now();
      let problem: string | undefined;
      try {
        read(bytes);
        result.counts[name].read++;
      } catch (error) {
        result.counts[name].refused++;
        if (!(error instanceof LlamaError)) problem = error instanceof Error ? error.stack : String(error);
        else if (error.kind !== "model") problem = `an error of kind ${error.kind}: ${error.message}`;
        else if (!MESSAGE.test(error.message)) problem = `message ${JSON.stringify(error.message)}`;
      }
      const ms = performance.now() - begin;
      result.slowestMs = Math.max(result.slowestMs, ms);
      if (ms > MAX_MS) problem ??= `took ${Math.round(ms)} ms`;
      const grown = resourceUsage().maxRSS * 1024 - before.peak;
      const taken = Math.max(grown, memoryUsage().arrayBuffers - before.buffers);
      if (taken > MAX_BYTES) problem ??= `needed ${Math.round(taken / 1e6)} MB for ${bytes.length} bytes`;
      if (problem !== undefined) result.failures.push(`${name}: ${repeat}\n${problem}`);
    }
  } finally {
    watch.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

/** Starts a thread that kills the process if one file takes ten times the allowed time. */
function watchdog() {
  const state = new Int32Array(new SharedArrayBuffer(4));
  const text = new Uint8Array(new SharedArrayBuffer(256));
  const code = `
    const { workerData: { state, text, ms } } = require("node:worker_threads");
    for (let last = Atomics.load(state, 0); last >= 0; last = Atomics.load(state, 0)) {
      if (Atomics.wait(state, 0, last, ms) !== "timed-out") continue;
      require("node:fs").writeSync(2, "hangs: " + Buffer.from(text).toString().replace(/\\0+$/, "") + "\\n");
      process.kill(process.pid, "SIGKILL");
    }`;
  const worker = new Worker(code, { eval: true, workerData: { state, text, ms: 10 * MAX_MS } });
  worker.unref();
  return {
    next(label: string): void {
      text.fill(0);
      text.set(Buffer.from(label).subarray(0, text.length));
      Atomics.store(state, 0, (Atomics.load(state, 0) + 1) & 0x7fffffff);
      Atomics.notify(state, 0);
    },
    stop(): void {
      Atomics.store(state, 0, -1);
      Atomics.notify(state, 0);
    },
  };
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 24)) },
      count: { type: "string", default: "20000" },
      start: { type: "string", default: "0" },
      target: { type: "string" },
    },
  });
  const [seed, count, start] = [values.seed, values.count, values.start].map(Number) as [number, number, number];
  const { counts, slowestMs, failures } = fuzz({ seed, count, start, target: values.target });
  for (const failure of failures.slice(0, 10)) console.log(`${failure}\n`);
  console.log(`seed ${seed}: ${failures.length} failures, slowest ${slowestMs.toFixed(0)} ms`, counts);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
