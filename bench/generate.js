#!/usr/bin/env node
/**
 * Measures `llama-ts generate` as a whole process, several runs after a warm-up, and prints medians.
 *   node bench/generate.js [--runs 5] [options of generate]
 * Decode and prefill are the program's own figures (--json); start to end and peak memory are measured from outside.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
const args = process.argv.slice(2);
const at = args.indexOf("--runs");
const runs = at < 0 ? 5 : Number(args.splice(at, 2)[1]);
const defaults = { "--prompt": "Once upon a time", "--temperature": "0", "--max_gen_len": "64" };
for (const [option, value] of Object.entries(defaults)) {
  if (!args.some((arg) => arg.split("=")[0] === option)) args.push(option, value);
}

/** Peak resident memory of a process so far, in MB; null if the kernel does not report it. */
function peakMegabytes(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1000;
  } catch {
    return null;
  }
}

function run() {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, [program, "generate", ...args, "--json", "--quiet", "--no_supervisor"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    let peak = null;
    const poll = setInterval(() => {
      peak = peakMegabytes(child.pid) ?? peak;
    }, 20);
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.on("close", (code) => {
      clearInterval(poll);
      if (code !== 0) return reject(new Error(`llama-ts exited with code ${code}`));
      const { timings, world_size, dtype } = JSON.parse(out);
      resolve({
        world_size,
        dtype,
        "start to end, ms": performance.now() - start,
        ...timings,
        "peak memory, MB": peak,
      });
    });
  });
}

await run();
const results = [];
for (let i = 0; i < runs; i++) results.push(await run());
console.log(
  `${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}; ${runs} runs: ${args.join(" ")}`,
);
for (const key of Object.keys(results[0])) {
  const values = results.map((result) => result[key]).sort((a, b) => a - b);
  const [low, median, high] = [values[0], values[values.length >> 1], values.at(-1)];
  const shown = (value) => (typeof value === "number" ? String(Math.round(value * 10) / 10) : value);
  console.log(
    `${key.padEnd(18)} ${shown(median).padStart(10)}${low === high ? "" : `   (${shown(low)} to ${shown(high)})`}`,
  );
}
