import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createProgram } from "../../src/cli/program.js";
import { llama, type RunOptions, temporaryFolder } from "./cli-process.js";
import { SmallDisk } from "./small-disk.js";

const folder = temporaryFolder();
const text = join(folder, "text.txt");
writeFileSync(text, "Once upon a time there was a dog.");

interface Case extends Pick<RunOptions, "input"> {
  args: string[];
  /** Pattern of stdout. */
  results: RegExp;
}

const SHORT = ["--max_gen_len", "3", "--seed", "1"];
const CASES: Record<string, Case> = {
  generate: { args: ["generate", "--prompt", "Once", ...SHORT], results: /^[^\n]+\n$/ },
  repl: { args: ["repl", ...SHORT], input: "Once\nThe dog\n", results: /^([^\n]+\n){2}$/ },
  batch: { args: ["batch", ...SHORT], input: '{"prompt":"Once"}\n{"prompt":"A"}\n', results: /^(\{"id".+\}\n){2}$/ },
  score: { args: ["score"], input: '{"context":"Once","continuation":" upon"}\n', results: /^\{"id".+\}\n$/ },
  perplexity: { args: ["score", "--perplexity", text], results: /^\{"perplexity".+\}\n$/ },
  bench: { args: ["bench", "--pp=8", "--tg=2", "--trials=1", "--warmup=0"], results: /^model,.+(\ndemo,.+){2}\n$/ },
};
/** The label of `bench` before each line, since it may start ranks several times. */
const LABEL = "(fp32, 2 x 1: )?";

function kept(dir: string, file: string): string | null {
  const [run, ...others] = readdirSync(dir);
  assert.match(run!, /^none_\w{6}$/);
  assert.deepEqual(others, []);
  const path = join(dir, run!, "attempt_0", file);
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

function reportOf(rank: number): RegExp {
  const load = `${LABEL}rank ${rank}: read [\\d.]+ MB in \\d+ ms, holds [\\d.]+ MB, 1 thread\n`;
  const time = `${LABEL}rank ${rank}: \\d+ steps? in \\d+ ms: \\d+ % computing, \\d+ % in sums, \\d+ % idle\n`;
  return new RegExp(`^${load}${time}$`);
}

describe("the output of ranks, by command", { concurrency: 2 }, () => {
  for (const [name, { args, input, results }] of Object.entries(CASES)) {
    const two = [...args, "--nproc_per_node", "2"];
    const options = input === undefined ? {} : { input };

    test(`${name}: to files and the terminal, or only to files`, async () => {
      const dir = join(temporaryFolder(), "logs");
      const how = ["--log-dir", dir, "-t", "0:1,1:2", "-r", "0:2", "--role", "worker", "--verbose"];
      const run = await llama([...two, ...how], { ...options, env: { OMP_NUM_THREADS: "1" } });
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, results);
      assert.equal(kept(dir, "0/stdout.log"), run.stdout);
      assert.match(kept(dir, "0/stderr.log")!, reportOf(0));
      assert.match(kept(dir, "1/stderr.log")!, reportOf(1));
      assert.equal(kept(dir, "1/stdout.log"), null);
      const shown = run.stderr.split("\n").filter((line) => /rank \d: /.test(line));
      const teed = kept(dir, "1/stderr.log")!.trimEnd().split("\n");
      assert.deepEqual(
        shown,
        teed.map((line) => `[worker1]: ${line}`),
      );
    });

    test(`${name}: set by the environment, and only for some ranks`, async () => {
      const dir = temporaryFolder();
      const env = { PET_LOG_DIR: dir, PET_REDIRECTS: "1", PET_LOCAL_RANKS_FILTER: "1", WORLD_SIZE: "2" };
      const run = await llama([...args, "--verbose"], { ...options, env });
      assert.deepEqual([run.code, run.stdout], [0, ""], run.stderr);
      assert.match(kept(dir, "0/stdout.log")!, results);
      assert.match(run.stderr, /^(fp32, 2 x 1: )?rank 1: read .*\n([^\n]+\n)*\1rank 1: \d+ steps? /m);
      assert.doesNotMatch(run.stderr, /rank 0/);
    });

    test(`${name}: a rank that fails writes error.json; a warning about too many threads comes before loading`, async () => {
      const dir = temporaryFolder();
      const env = { TEST_LLAMA_TS_FAULT: "1:prefill:2:throw", OMP_NUM_THREADS: String(availableParallelism()) };
      const run = await llama([...two, "--log_dir", dir, "--verbose"], { ...options, env });
      assert.equal(run.code, 1, run.stderr);
      assert.doesNotMatch(run.stdout, /\S/);
      const { message, extraInfo } = JSON.parse(kept(dir, "1/error.json")!).message;
      assert.match(message, /^rank 1 failed in prefill, layer 2: a failure made on purpose/);
      const { rank, world_size, phase, layer } = extraInfo;
      assert.deepEqual([rank, world_size, phase, layer], [1, 2, "prefill", 2]);
      assert.match(run.stderr, /Warning: 2 ranks of \d+ threads? on .*\n(.*\n)*.*rank 0: read (.*\n)*.*error\.json\n/);
      assert.equal(run.stderr.match(/Warning: /g)?.length, 1);
      assert.match(run.stderr, /\nFirst failure: rank 1 of 2 in prefill, layer 2\.\n$/);
    });
  }

  test("the REPL ends if a rank fails, even with an error that the user can fix", async () => {
    const dir = temporaryFolder();
    const args = ["repl", ...SHORT, "--nproc_per_node", "2", "--log_dir", dir, "--quiet"];
    const run = await llama(args, { input: "Once\nThe dog\n", env: { TEST_LLAMA_TS_FAULT: "1:decode:0:memory" } });
    assert.equal(run.code, 4, run.stderr);
    assert.match(run.stdout, /^[^\n]+\n$/);
    assert.match(
      run.stderr,
      /^Failure report: .*\nllama-ts: not enough memory; .*\nFirst failure: rank 1 of 2 in decode/,
    );
    assert.match(JSON.parse(kept(dir, "1/error.json")!).message.message, /^not enough memory/);
  });

  test("what the REPL's commands print is redirected like its answers", async () => {
    const dir = temporaryFolder();
    const args = ["repl", ...SHORT, "--log_dir", dir, "--redirects", "1", "--quiet"];
    const run = await llama(args, { input: "/set top_k 5\nOnce\n/undo\n" });
    assert.deepEqual([run.code, run.stdout, run.stderr], [0, "", ""]);
    assert.match(kept(dir, "0/stdout.log")!, /^top_k 5\n[^\n]+\nRemoved the last turn; 0 left\.\n$/);
  });

  test("a warning about too many threads comes before the first byte is read", async () => {
    const env = { TEST_LLAMA_TS_FAULT: "1:load::throw", OMP_NUM_THREADS: String(availableParallelism()) };
    const run = await llama([...CASES.generate!.args, "--nproc_per_node", "2"], { env });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /^No --ckpt_dir: .*\nWarning: 2 ranks of .*\nllama-ts: unexpected failure/);
  });

  test("a filter that names a missing rank produces a warning", async () => {
    const run = await llama([...CASES.generate!.args, "--nproc_per_node", "1", "--local_ranks_filter", "1"]);
    assert.deepEqual([run.code, run.stdout], [0, ""]);
    assert.match(run.stderr, /^Warning: --local_ranks_filter names rank 1, but there is only rank 0\.$/m);
  });

  test("a log folder that cannot be created is an error before loading", async () => {
    for (const name of ["batch", "bench"]) {
      const { args, input } = CASES[name]!;
      const options = input === undefined ? {} : { input };
      const run = await llama([...args, "--log_dir", join(text, "logs"), "--verbose"], options);
      assert.deepEqual([run.code, run.stdout], [2, ""]);
      assert.match(run.stderr, /llama-ts: .*logs: cannot write the rank logs: ENOTDIR[^\n]*\n$/);
      assert.doesNotMatch(run.stderr, /rank 0/);
    }
  });
});

test("on a full disk lost reports produce a warning, and lost results an error", async (t) => {
  // Space only for the empty folder of the run.
  const disk = SmallDisk.mount("size=1m,nr_inodes=4");
  if (typeof disk === "string") return t.skip(disk);
  try {
    const { args, results, input = "" } = CASES.batch!;
    const logs = join(disk.folder, "logs");
    const problem = /^(llama-ts|Warning): .*\/attempt_0: cannot write the rank logs: ENOSPC.*$/gm;
    const reported = await llama([...args, "--log_dir", logs], { input });
    assert.equal(reported.code, 0, reported.stderr);
    assert.match(reported.stdout, results);
    assert.deepEqual(
      [...reported.stderr.matchAll(problem)].map(([, by]) => by),
      ["Warning"],
    );
    rmSync(logs, { recursive: true });
    const redirected = await llama([...args, "--log_dir", logs, "-r", "1"], { input });
    assert.deepEqual([redirected.code, redirected.stdout], [1, ""], redirected.stderr);
    assert.deepEqual(
      [...redirected.stderr.matchAll(problem)].map(([, by]) => by),
      ["Warning", "llama-ts"],
    );
  } finally {
    disk.unmount();
  }
});

test("only the commands that load a model have torchrun's options", () => {
  const taken = ["log_dir", "redirects", "tee", "local_ranks_filter", "role", "standalone", "nnodes", "node_rank"];
  taken.push("master_addr", "master_port", "max_restarts", "monitor_interval");
  const refused = ["rdzv_backend", "rdzv_endpoint", "rdzv_id", "rdzv_conf", "local_addr", "start_method"];
  refused.push("event_log_handler", "logs_specs", "numa_binding", "signals_to_handle", "module", "no_python");
  const known = [...taken, ...refused, "run_path", "cpu_bind", "rank_timeout", "no_supervisor"];
  for (const command of createProgram(() => {}).commands) {
    const names = command.options.map(({ long }) => long!.slice(2));
    const loads = ["generate", "repl", "batch", "score", "eval", "bench", "serve", "worker"].includes(command.name());
    const found = known.filter((name) => names.includes(name));
    // Of `inspect`, --nnodes shows what hosts would hold.
    const own = command.name() === "inspect" ? ["nnodes"] : [];
    assert.deepEqual(found, loads ? known : own, command.name());
  }
});

test("config shows the values of torchrun's variables", async () => {
  const env = { PET_TEE: "0:1,1:3", WORLD_SIZE: "2", LLAMA_TS_REDIRECTS: "2" };
  const { stdout } = await llama(["config", "score"], { env });
  assert.match(stdout, /^nproc_per_node +2 +WORLD_SIZE$/m);
  assert.match(stdout, /^redirects +2 +LLAMA_TS_REDIRECTS$/m);
  assert.match(stdout, /^tee +0:1,1:3 +PET_TEE$/m);
});
