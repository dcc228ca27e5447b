import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { describe, test } from "node:test";
import { planSetups } from "../../src/cli/commands/bench/bench-plan.js";
import { benchTable, csvLine } from "../../src/cli/commands/bench/bench-table.js";
import { threadsOfRank } from "../../src/engine/machine/cores.js";
import { planStep } from "../../src/model/architecture/step-plan.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { allLayers } from "../../src/model/split/partition.js";
import { llama, temporaryFolder } from "./cli-process.js";

const FIELDS = [
  ...["model", "parameters", "dtype", "world_size", "threads", "test", "tokens", "depth", "trials"],
  ...["tps_median", "tps_min", "tps_max", "ms_per_token", "wait_ms_per_token", "weight_bytes_per_token"],
  ...["kv_bytes_per_token", "read_gb_per_s", "memory_gb_per_s", "memory_share", "load_ms", "cache"],
];
const QUICK = ["bench", "--pp", "8", "--tg", "4", "--trials", "3", "--warmup", "0"];
const TINY = [...QUICK, "--preset", "260K"];
const env = { XDG_CACHE_HOME: temporaryFolder() };

async function results(args: readonly string[]) {
  const { code, stdout, stderr } = await llama([...args, "--json"], { env });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.match(stdout, /^\{.*\}\n$/);
  return JSON.parse(stdout);
}

describe("bench", () => {
  test("--json measures the demo model", async () => {
    const { version, cpu, cores, results: rows } = await results([...QUICK, "--depth", "0,16"]);
    assert.match(version, /^llama-ts /);
    assert.equal(typeof cpu, "string");
    assert.ok(cores >= 1);
    assert.deepEqual(
      rows.map(({ test }: { test: string }) => test),
      ["pp8", "tg4", "tg4@16"],
    );
    for (const row of rows) {
      assert.deepEqual(Object.keys(row), FIELDS);
      assert.equal(row.model, "demo");
      assert.equal(row.dtype, "fp32");
      assert.equal(row.trials, 3);
      assert.ok(row.tps_min > 0 && row.tps_min <= row.tps_median && row.tps_median <= row.tps_max);
      assert.ok(Math.abs(row.ms_per_token * row.tps_median - 1000) < 5);
      assert.ok(row.memory_gb_per_s > 0 && row.load_ms > 0);
    }
    const [prefill, decode, deep] = rows;
    assert.equal(prefill.weight_bytes_per_token, null);
    assert.equal(prefill.memory_share, null);
    // All but the embedding (2048 x 128) is read for each token.
    assert.equal(decode.weight_bytes_per_token, 4 * (decode.parameters - 2048 * 128));
    // 5 layers, keys and values of 128 numbers; tokens 1 to 4 see 2.5 positions on average.
    assert.equal(decode.kv_bytes_per_token, 5 * 2 * 128 * 4 * 2.5);
    assert.equal(deep.kv_bytes_per_token, 5 * 2 * 128 * 4 * 18.5);
    const gigabytes = (deep.weight_bytes_per_token + deep.kv_bytes_per_token) * deep.tps_median * 1e-9;
    assert.ok(Math.abs(deep.read_gb_per_s / gigabytes - 1) < 0.01);
    assert.ok(Math.abs(deep.memory_share / (gigabytes / deep.memory_gb_per_s) - 1) < 0.01);
  });

  test("all combinations of types, ranks and threads are measured", async () => {
    const args = [...TINY, "--pp=0", "--dtype", "fp32,int8,int4", "--nproc-per-node", "1, 2,1", "--threads", "1"];
    const { results: rows } = await results(args);
    const setups = rows.map((row: Record<string, unknown>) => [row.dtype, row.world_size, row.threads, row.test]);
    assert.deepEqual(
      setups,
      ["fp32", "int8", "int4"].flatMap((dtype) => [1, 2].map((ranks) => [dtype, ranks, 1, "tg4"])),
    );
    const bytes = rows.map((row: Record<string, number>) => row.weight_bytes_per_token);
    assert.ok(bytes[0] > bytes[2] && bytes[2] > bytes[4]);
    for (const row of rows) {
      assert.equal(row.model, "260K");
      assert.ok(row.world_size === 1 ? row.wait_ms_per_token === 0 : row.wait_ms_per_token > 0);
    }
  });

  test("the output is CSV if stdout is not a terminal", async () => {
    for (const args of [[...TINY, "--csv"], TINY]) {
      const { code, stdout, stderr } = await llama([...args, "--layers", "1", "--nproc_per_node", "1"], { env });
      assert.equal(code, 0, stderr);
      const [header, ...lines] = stdout.trimEnd().split("\n");
      assert.equal(header, FIELDS.join(","));
      assert.equal(lines.length, 2);
      for (const line of lines) {
        assert.equal(line.split(",").length, FIELDS.length);
        assert.match(line, /^260K \(1 layer\),\d+,fp32,1,/);
      }
      assert.match(lines[0]!, /,pp8,8,0,3,[\d.]+,[\d.]+,[\d.]+,[\d.]+,0,,,,[\d.]+,,[\d.]+,off$/);
    }
  });

  test("--table prints aligned columns", async () => {
    const { code, stdout } = await llama([...TINY, "--table", "--quiet", "--depth", "0,9"], { env });
    assert.equal(code, 0);
    const [head, , titles, ...lines] = stdout.split("\n");
    assert.match(head!, /^260K: 0\.29 M parameters\. .*, \d+ cores?\. 3 trials\.$/);
    assert.match(titles!, /^dtype {2}ranks x threads {2}load, s {2}test .*of memory$/);
    assert.deepEqual(
      lines.slice(0, 3).map((line) => /(?:pp|tg)\S+/.exec(line)?.[0]),
      ["pp8", "tg4", "tg4@9"],
    );
    assert.match(lines[1]!, / % of [\d.]+$/);
    assert.equal(lines[0]!.indexOf("pp8"), titles!.indexOf("test"));
  });
});

test("bench measures with as many threads as generate uses", () => {
  const checkpoint = presetCheckpoint("7B");
  const flags = { dtype: ["fp32", "int8"], kv_dtype: "auto", nproc_per_node: [1, 4], force: true } as const;
  const setups = planSetups(checkpoint, flags, 64, 64);
  const { config } = checkpoint;
  for (const { dtype, worldSize, threads } of setups)
    assert.equal(threads, threadsOfRank(64, worldSize, planStep(config, allLayers(config), worldSize), dtype));
  assert.deepEqual(
    setups.map(({ threads }) => threads),
    [64, 16, 8, 1],
  );
});

test("a name with commas and quotes is one field of CSV", () => {
  const row = { model: 'a "b", c', parameters: 1, memory_share: null } as never;
  assert.equal(csvLine(row), '"a ""b"", c",1,\n');
});

test("numbers in the table have three digits", () => {
  const row = {
    ...{ dtype: "int8", world_size: 2, threads: 1, load_ms: 1234, test: "tg64@128" },
    ...{ tps_median: 9.876, tps_min: 0.9876, tps_max: 1234.5, ms_per_token: 101.25, wait_ms_per_token: 0.0042 },
    ...{ weight_bytes_per_token: 1.768e9, kv_bytes_per_token: 84e6, read_gb_per_s: 18.3, memory_gb_per_s: 30.04 },
    ...{ memory_share: 0.609 },
  } as never;
  const [, line] = benchTable([row]).split("\n");
  assert.deepEqual(line!.split(/ {2,}/), [
    ...[
      "int8",
      "2 x 1",
      "1.2",
      "tg64@128",
      "9.88",
      "0.988..1235",
      "101",
      "0.004",
      "1768 + 84.0",
      "18.3",
      "61 % of 30.0",
    ],
  ]);
});

describe("bench refuses", { concurrency: 2 }, () => {
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const run = await llama(["bench", ...args], { env });
    assert.equal(run.code, code, run.stderr);
    assert.equal(run.stdout, "");
    assert.match(run.stderr, /^llama-ts: [^\n]+\n$/);
    assert.match(run.stderr, message);
  };

  test("2 or 3: an invalid command line, or a folder that is not there", async () => {
    await refused(["--pp", "8,x"], 2, /--pp <ns>' argument '8,x' is invalid.*whole number/);
    await refused(["--nproc_per_node", "1,0"], 2, /auto or a whole number from 1/);
    await refused(["--threads", "0"], 2, /from 1 to 1024/);
    await refused(["--dtype", "int8,int3"], 2, /auto, fp32, int8, int4/);
    await refused(["--trials", "0"], 2, /from 1 to 10000/);
    await refused(["--pp", "0", "--tg", "0"], 2, /nothing to measure.*--pp or --tg/);
    await refused(["--preset", "7C"], 2, /unknown preset.*7B, 13B.*found 7C/);
    await refused(["--preset", "7B", "--ckpt_dir", "x"], 2, /cannot be used with/);
    await refused(["--layers", "2"], 2, /--layers needs --preset/);
    await refused(["--tokenizer_path", "x"], 2, /--tokenizer_path needs --ckpt_dir/);
    await refused(["--json", "--csv"], 2, /cannot be used with/);
    await refused(["tiny", "small"], 2, /unexpected argument/);
    await refused(["tiny"], 3, /tiny: checkpoint folder does not exist/);
  });

  test("2: more ranks than heads, before it measures anything", async () => {
    await refused(["--nproc_per_node", "1,9"], 2, /1 to 8 \(one per attention head\), found 9/);
  });

  test("3: a folder without a model", async () => {
    await refused(["--ckpt_dir", temporaryFolder()], 3, /no checkpoint files found/);
  });

  test("4: a model that does not fit into memory", async () => {
    await refused(["--preset", "65B", "--layers", "1000", "--dtype", "fp32"], 4, /expected 3\d{3} GB/);
    await refused(
      ["--tg", "1000000", "--preset", "65B", "--dtype", "int4"],
      4,
      /context of 1000000 tokens \d{3,} GB.*--force/,
    );
  });
});

test("Ctrl-C prints the results so far", { skip: process.platform === "win32" }, async () => {
  let isSent = false;
  const onStdout = (child: ChildProcess) => {
    if (!isSent) child.kill("SIGINT");
    isSent = true;
  };
  const args = ["bench", "--preset", "260K", "--pp", "8", "--tg", "50000", "--trials", "2", "--csv"];
  const { code, stdout, stderr } = await llama(args, { env, onStdout });
  assert.equal(code, 130, stderr);
  assert.equal(stderr, "");
  assert.match(stdout, /^model,.*\n260K,.*,pp8,[^\n]*\n$/);
});
