/**
 * Checks for leaks after starts and stops: `node bench/lifecycle.js [--starts 200] [--builds 100] [--ckpt_dir DIR] [--dtype fp32] [--nproc_per_node 2]`.
 * Runs the command `--starts` times in a row, then builds and closes a model `--builds` times in this process, and prints
 * memory, threads, open files and processes before and after. Linux only, as it reads /proc.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Llama } from "../dist/src/index.js";

const BIN = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
const DEMO = fileURLToPath(new URL("../models/demo", import.meta.url));
const { values } = parseArgs({
  options: {
    starts: { type: "string", default: "200" },
    builds: { type: "string", default: "100" },
    ckpt_dir: { type: "string", default: DEMO },
    dtype: { type: "string", default: "fp32" },
    nproc_per_node: { type: "string", default: "2" },
  },
});
const scratch = mkdtempSync(join(tmpdir(), "llama-ts-lifecycle-"));
const ranks = Number(values.nproc_per_node);

function own() {
  const status = readFileSync("/proc/self/status", "utf8");
  return {
    rss_mb: Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1024),
    threads: readdirSync("/proc/self/task").length,
    files: readdirSync("/proc/self/fd").length,
  };
}

/** Remaining processes of llama-ts, and files in the folder that all runs used as their temporary and cache folder. */
function left() {
  const commands = readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      return [readFileSync(`/proc/${pid}/environ`, "latin1")];
    } catch {
      return [];
    }
  });
  const processes = commands.filter((environment) => environment.includes(scratch)).length;
  return { processes, files: readdirSync(scratch, { recursive: true }).length };
}

const args = ["--ckpt_dir", values.ckpt_dir, "--dtype", values.dtype, "--nproc_per_node", values.nproc_per_node];
const environment = { ...process.env, TMPDIR: scratch, XDG_CACHE_HOME: join(scratch, "cache") };
const codes = new Map();
for (let i = 0; i < Number(values.starts); i++) {
  const line = ["generate", "--prompt", "Once upon a time", "--max_gen_len", "4", "--quiet", ...args];
  const { status, signal } = spawnSync(process.execPath, [BIN, ...line], { env: environment });
  codes.set(signal ?? status, (codes.get(signal ?? status) ?? 0) + 1);
}
console.log(
  `${values.starts} starts: exit codes ${JSON.stringify(Object.fromEntries(codes))}, left ${JSON.stringify(left())}`,
);

const builds = Number(values.builds);
for (let i = 0; i <= builds; i++) {
  const llama = await Llama.build({
    ckptDir: values.ckpt_dir,
    nprocPerNode: ranks,
    dtype: values.dtype,
    maxSeqLen: 128,
    cacheDir: null,
  });
  await llama.textCompletion(["Once upon a time"], { maxGenLen: 4, temperature: 0 });
  await llama.close();
  // The first builds add memory that stays: code, the tokenizer's memory.
  if (i % 10 === 0 || i === builds) console.log(`${i} builds: ${JSON.stringify(own())}`);
}
rmSync(scratch, { recursive: true });
