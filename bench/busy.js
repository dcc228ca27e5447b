/**
 * Measures decode while other programs run: `node bench/busy.js [--runs 3] [--busy 0,1,2] [options of generate]`.
 * For each number of processes that only keep a core busy, runs the command and prints new tokens per second.
 */
import { execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const program = fileURLToPath(new URL("../bin/llama-ts.cjs", import.meta.url));
const args = process.argv.slice(2);
const [runs, busy] = [take("--runs", "3"), take("--busy", "0,1,2")];
const defaults = { "--prompt": "Once upon a time", "--temperature": "0", "--max_gen_len": "200" };
for (const [option, value] of Object.entries(defaults)) {
  if (!args.includes(option)) args.push(option, value);
}
// With prompt lookup, the result would depend on the text.
args.push("--prompt_lookup_num_tokens", "0", "--json", "--quiet", "--no_stdin");

function take(option, otherwise) {
  const at = args.indexOf(option);
  return at < 0 ? otherwise : args.splice(at, 2)[1];
}

async function decode() {
  const { stdout } = await promisify(execFile)(process.execPath, [program, "generate", ...args]);
  return JSON.parse(stdout).timings.decodeTps;
}

await decode();
for (const count of busy.split(",").map(Number)) {
  const others = Array.from({ length: count }, () => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  try {
    const rates = [];
    for (let i = 0; i < Number(runs); i++) rates.push(await decode());
    console.log(`${count} busy: ${rates.map((rate) => rate.toFixed(1)).join(", ")} tok/s`);
  } finally {
    for (const other of others) other.kill("SIGKILL");
  }
}
