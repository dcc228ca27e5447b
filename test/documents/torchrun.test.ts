/** Every option of torchrun that docs/torchrun.md lists is taken or refused as it says. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { llama, temporaryFolder } from "../cli/cli-process.js";
import { ROOT } from "./blocks.js";

const logs = temporaryFolder();
const PROMPT = ["--prompt", "Once", "--max_gen_len", "4", "--temperature", "0"];

/** Options that are accepted all at once, and their alternatives. */
const TAKEN: Readonly<Record<string, string | null>> = {
  "--nproc_per_node": "2",
  "--nnodes": "1:1",
  "--node_rank": "0",
  "--standalone": null,
  "--master_addr": "127.0.0.1",
  "--master_port": "29500",
  "--max_restarts": "0",
  "--monitor_interval": "0.1",
  "--log_dir": logs,
  "--redirects": "0",
  "--tee": "0:1,1:2",
  "--local_ranks_filter": "0,1",
  "--role": "trainer",
  "--max_batch_size": "32",
};

const STREAMS = "Expected 0 (none), 1 (stdout), 2 (stderr), 3 (both), or ranks as 0:1,1:3";
const ITSELF = "llama-ts starts its ranks itself, on one machine:";

/** A value that is refused, by option, the name that the message has, and the reason. */
const REFUSED: readonly (readonly [option: string, value: string, flags: string, reason: string])[] = [
  ["--nproc_per_node", "gpu", "--nproc_per_node <n>", "llama-ts runs on the CPU only"],
  ["--nproc_per_node", "xpu", "--nproc_per_node <n>", "llama-ts runs on the CPU only"],
  ["--nnodes", "0", "--nnodes <n>", "Expected the number of hosts, 1 to 1024, or N:M for up to M - N spares"],
  ["--nnodes", "1:2", "--nnodes <n>", "A model on one host has no spares: expected 1, or N:M with N from 2"],
  ["--node_rank", "-1", "--node_rank <n>", "Expected a whole number from 0 to 1023"],
  ["--rdzv_conf", "x", "--rdzv_conf <v>", "Expected KEY=VALUE pairs with commas, as join_timeout=60,lost_after=3"],
  ["--master_port", "http", "--master_port <port>", "Expected a whole number from 0 to 65535"],
  ["--max_restarts", "some", "--max_restarts <n>", "Expected a whole number of at least 0"],
  ["--monitor_interval", "soon", "--monitor_interval <s>", "Expected a number of at least 0"],
  ["-r", "4", "-r, --redirects <s>", STREAMS],
  ["--redirects", "0:4", "-r, --redirects <s>", STREAMS],
  ["-t", "0:1,", "-t, --tee <s>", STREAMS],
  ["--tee", "both", "-t, --tee <s>", STREAMS],
  ["--local_ranks_filter", "0;1", "--local_ranks_filter <ranks>", "Expected ranks separated by commas, as 0,1"],
  ["--max_batch_size", "0", "--max_batch_size <n>", "Expected a whole number of at least 1"],
  ["--event_log_handler", "null", "--event_log_handler <v>", `${ITSELF} use --log_dir and --verbose`],
  ["--logs_specs", "default", "--logs_specs <v>", `${ITSELF} use --log_dir, --redirects and --tee`],
  ["--numa_binding", "node", "--numa_binding <v>", `${ITSELF} start it under numactl or taskset`],
  [
    "--signals_to_handle",
    "SIGTERM",
    "--signals_to_handle <v>",
    `${ITSELF} SIGINT, SIGTERM and SIGHUP are always handled`,
  ],
];

const MEETING = ["--rdzv_backend", "--rdzv_endpoint", "--rdzv_id", "--local_addr", "--start_method"];
/** Options that are accepted with a remark, and the remark. */
const REMARKED: readonly (readonly [words: readonly string[], remark: string])[] = [
  [["--max_restarts=3"], "--max_restarts has no effect: ranks are not restarted."],
  [
    ["--rdzv_backend", "c10d", "--rdzv_endpoint", "x", "--rdzv_id", "x", "--rdzv_conf", "timeout=5"],
    "--rdzv_backend, --rdzv_endpoint, --rdzv_id and --rdzv_conf have no effect: the model is on one host.",
  ],
  [
    ["--local_addr", "x", "--start_method", "fork"],
    "--local_addr and --start_method have no effect: all ranks run in this process.",
  ],
  [["--no_python", "--run_path"], "--no_python and --run_path have no effect: no script is run."],
];

const dashed = (option: string) => option.replaceAll("_", "-");

describe("docs/torchrun.md", { concurrency: 2 }, () => {
  test("has a case here for each option of its table, and no other", () => {
    const [, table] = readFileSync(join(ROOT, "docs/torchrun.md"), "utf8").split(/^## .*$/m);
    const cells = [...table!.matchAll(/^\| (.*?) \|/gm)].map(([, cell]) => cell!);
    const options = cells.flatMap((cell) => [...cell.matchAll(/`(--?\w+)`/g)].map(([, name]) => name!));
    const cases = [
      ...Object.keys(TAKEN),
      ...REFUSED.map(([name]) => name),
      ...MEETING,
      "-m",
      "--no_python",
      "--run_path",
    ];
    assert.deepEqual([...options].sort(), [...new Set(cases)].sort());
  });

  for (const [style, spell] of [
    ["_ and a space", (name: string, value: string | null) => (value === null ? [name] : [name, value])],
    ["- and =", (name: string, value: string | null) => [dashed(name) + (value === null ? "" : `=${value}`)]],
  ] as const) {
    test(`what is taken, with ${style}, before the script's name`, async () => {
      const options = Object.entries(TAKEN).flatMap(([name, value]) => spell(name, value));
      const { code, stdout, stderr } = await llama(["torchrun", ...options, "example.py", ...PROMPT]);
      assert.deepEqual([code, stdout], [0, " upon a time,\n"], stderr);
      const shown = /^\[trainer1\]: rank 1: read [\d.]+ MB in \d+ ms, holds [\d.]+ MB, \d+ threads?\n/m;
      assert.match(stderr, shown);
      const rest = stderr.replace(/^\[trainer1\]: .*\n/gm, "");
      assert.match(
        rest,
        /^example\.py is not run: llama-ts replaces it\.\nNo --ckpt_dir: [^\n]+\n2 prompt \+ 4 generated tokens, stop: length · [^\n]+\n$/,
      );
    });
  }

  test("what is taken keeps its files", () => assert.equal(readdirSync(logs).length, 2));

  for (const [option, value, flags, reason] of REFUSED) {
    test(`${option} ${value} is refused`, async () => {
      const words = option.length === 2 ? [option, value] : [`${dashed(option)}=${value}`];
      assert.deepEqual(await llama([...words, "example.py", ...PROMPT]), {
        ...{ code: 2, signal: null, stdout: "" },
        stderr: `llama-ts: option '${flags}' argument '${value}' is invalid. ${reason}.\n`,
      });
    });
  }

  for (const [words, remark] of REMARKED) {
    test(`${words[0]} is accepted with a remark`, async () => {
      const { code, stdout, stderr } = await llama(["torchrun", ...words, "example.py", ...PROMPT]);
      assert.deepEqual([code, stdout], [0, " upon a time,\n"], stderr);
      assert.equal(stderr.split("\n")[0], remark);
      const quiet = await llama(["torchrun", ...words, "example.py", ...PROMPT, "--quiet"]);
      assert.equal(quiet.stderr, "");
    });
  }

  test("a module is named and not run", async () => {
    for (const words of [
      ["-m", "llama.example"],
      ["--module", "example"],
      ["--no-python", "example"],
    ]) {
      const { code, stderr } = await llama([...words, ...PROMPT]);
      assert.equal(code, 0, stderr);
      assert.ok(stderr.includes(`${words[1]} is not run: llama-ts replaces it.\n`), stderr);
    }
  });

  test("messages name the variables", async () => {
    const cases = {
      PET_NNODES: ["two", "Expected the number of hosts, 1 to 1024, or N:M for up to M - N spares."],
      PET_MAX_RESTARTS: ["some", "Expected a whole number of at least 0."],
      WORLD_SIZE: ["gpu", "llama-ts runs on the CPU only."],
    };
    for (const [name, [value, reason]] of Object.entries(cases)) {
      assert.deepEqual(await llama(["generate", ...PROMPT], { env: { [name]: value } }), {
        ...{ code: 2, signal: null, stdout: "" },
        stderr: `llama-ts: ${name}: '${value}' is invalid. ${reason}\n`,
      });
    }
  });
});
