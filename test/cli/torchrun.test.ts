import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { threadsOfEnvironment } from "../../src/cli/options/torchrun-env.js";
import { hasStream, rankFilter, rankStreams, streamsText, unknownRanks } from "../../src/cli/options/torchrun-flags.js";
import { llama, temporaryFolder } from "./cli-process.js";

const SHORT = ["generate", "--prompt", "Once", "--max_gen_len", "4", "--seed", "1"];

test("streams are parsed as torchrun parses them", () => {
  const streams = (text: string) =>
    [0, 1, 2].map((rank) => [1, 2].map((bit) => hasStream(rankStreams(streamsText(text)), rank, bit)));
  const [none, out, err, both] = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ];
  assert.deepEqual(streams("0"), [none, none, none]);
  assert.deepEqual(streams("3"), [both, both, both]);
  assert.deepEqual(streams("0:1,1:3"), [out, both, none]);
  assert.deepEqual(streams("2:2"), [none, none, err]);
  for (const text of ["4", "", "0:4", "0:1,", "1:2:3", "-1"])
    assert.throws(() => streamsText(text), /Expected 0 \(none\)/);
  assert.deepEqual(rankFilter("0,2"), [0, 2]);
  assert.throws(() => rankFilter("0;1"), /separated by commas/);
});

test("options that name missing ranks are found", () => {
  const flags = { redirects: "0:1,2:1,3:1", tee: "3", role: "default", local_ranks_filter: [0, 1] };
  assert.deepEqual(unknownRanks(flags, 2), [["redirects", 2]]);
  assert.deepEqual(unknownRanks(flags, 1), [
    ["redirects", 2],
    ["local_ranks_filter", 1],
  ]);
  assert.deepEqual(unknownRanks(flags, 4), []);
});

test("OMP_NUM_THREADS is a number or a list of numbers; other values are ignored", () => {
  const threads = ["4", " 2 ", "8,4", "", "0", "all"].map((text) => threadsOfEnvironment({ OMP_NUM_THREADS: text }));
  assert.deepEqual(threads, [4, 2, 8, undefined, undefined, undefined]);
});

describe("a torchrun line", { concurrency: 2 }, () => {
  test("reads defaults from the environment, which its options override", async () => {
    const ranks = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
      const { stderr } = await llama([...SHORT, "--verbose", ...args], { env });
      return /^(\d+) ranks? of (\d+) threads?, /m.exec(stderr)?.slice(1, 3).join("x");
    };
    assert.equal(await ranks({ WORLD_SIZE: "2", OMP_NUM_THREADS: "1" }), "2x1");
    assert.equal(await ranks({ WORLD_SIZE: "2", OMP_NUM_THREADS: "1", PET_NPROC_PER_NODE: "3" }), "3x1");
    assert.equal(await ranks({ PET_NPROC_PER_NODE: "3", OMP_NUM_THREADS: "2" }, "--nproc-per-node", "1"), "1x2");
  });

  test("writes the streams of the ranks to torchrun's folders", async () => {
    const dir = join(temporaryFolder(), "logs");
    const run = await llama([...SHORT, "--nproc_per_node", "2", "--log-dir", dir, "-t", "0:1,1:2"]);
    assert.equal(run.code, 0, run.stderr);
    const [name, ...others] = readdirSync(dir);
    assert.match(name!, /^none_\w{6}$/);
    assert.deepEqual(others, []);
    const read = (file: string) => readFileSync(join(dir, name!, "attempt_0", file), "utf8");
    assert.equal(read("0/stdout.log"), run.stdout);
    assert.match(
      read("0/stderr.log"),
      /^rank 0: read [\d.]+ MB in \d+ ms, .*\nrank 0: \d+ steps in \d+ ms: .* idle\n$/,
    );
    assert.match(read("1/stderr.log"), /^rank 1: read/);
    assert.equal(existsSync(join(dir, name!, "attempt_0/1/stdout.log")), false);
    assert.match(run.stderr, /^\[default1\]: rank 1: read/m);
    assert.doesNotMatch(run.stderr, /^(\[default0\]: )?rank 0/m);
  });

  test("does not show a completion that is redirected or belongs to a rank that is filtered out", async () => {
    const dir = temporaryFolder();
    const redirected = await llama([...SHORT, "--log_dir", dir], { env: { PET_REDIRECTS: "1" } });
    assert.deepEqual([redirected.code, redirected.stdout], [0, ""]);
    assert.match(readFileSync(join(dir, readdirSync(dir)[0]!, "attempt_0/0/stdout.log"), "utf8"), /\S/);
    const filtered = await llama([...SHORT, "--verbose", "--nproc_per_node", "2", "--local_ranks_filter", "1"]);
    assert.equal(filtered.stdout, "");
    assert.match(filtered.stderr, /^rank 1: /m);
    assert.doesNotMatch(filtered.stderr, /^rank 0: /m);
  });
});
