/**
 * Measures what the supervisor adds to a start: `node bench/start.js [--pairs 41] [--ckpt_dir DIR]`.
 * Runs one short completion alternately with and without it; prints the medians, the median of the differences, and how
 * much memory the supervisor used (total, and not shared with the child). Memory on Linux only, as it reads /proc.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const BIN = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
const DEMO = fileURLToPath(new URL("../models/demo", import.meta.url));
const { values } = parseArgs({
  options: { pairs: { type: "string", default: "41" }, ckpt_dir: { type: "string", default: DEMO } },
});
const line = ["generate", "--ckpt_dir", values.ckpt_dir, "--prompt", "Once upon a time", "--quiet", "--max_gen_len"];

/** Milliseconds from the start of Node to its exit. */
function time(args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - start;
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

const times = { node: [], alone: [], supervised: [] };
for (let i = 0; i < Number(values.pairs); i++) {
  times.node.push(time(["-e", ""]));
  times.alone.push(time([BIN, ...line, "1", "--no_supervisor"]));
  times.supervised.push(time([BIN, ...line, "1"]));
}
for (const [name, numbers] of Object.entries(times)) console.log(`${name.padEnd(12)} ${median(numbers).toFixed(1)} ms`);
const added = times.supervised.map((ms, i) => ms - times.alone[i]);
console.log(`added        ${median(added).toFixed(1)} ms`);

if (existsSync("/proc/self/smaps_rollup")) {
  const child = spawn(process.execPath, [BIN, ...line, "400"], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const memory = readFileSync(`/proc/${child.pid}/smaps_rollup`, "utf8");
  child.kill();
  const megabytes = (name) => {
    const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(memory);
    return Number(kilobytes) / 1000;
  };
  const own = megabytes("Private_Clean") + megabytes("Private_Dirty");
  console.log(`memory       ${megabytes("Rss").toFixed(1)} MB, ${own.toFixed(1)} of them its own`);
}
