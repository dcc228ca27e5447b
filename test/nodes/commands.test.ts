/** Commands whose model is on several hosts: the same results as on one, refusals on all hosts, and the server that node 0 starts. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectTo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { rdzvOptions } from "../../src/cli/net/rdzv-options.js";
import type { NodeFlags } from "../../src/cli/options/node-flags.js";
import { llama, temporaryFolder } from "../cli/cli-process.js";
import { NatsServer, withoutNats } from "../net/nats-server.js";
import { Host, meeting } from "./hosts.js";

const LINE = ["generate", "--prompt", "Once upon a time", "--max_gen_len", "60", "--temperature", "0.8", "--seed", "5"];

/** Runs a line on hosts 0 to n - 1; `of` gives the options of one alone. */
async function onHosts(
  n: number,
  line: readonly string[],
  of: (rank: number) => readonly string[] = () => [],
  input?: string,
) {
  const hosts = Array.from({ length: n }, (_, rank) => {
    const rest = line[0] === "repl" || input === undefined ? {} : { input };
    return new Host([...line, "--node_rank", String(rank), ...of(rank)], rank === 0 && input ? { input } : rest);
  });
  return Promise.all(hosts.map(({ ended }) => ended));
}

test("commands on several hosts", { skip: withoutNats, concurrency: 3 }, async (t) => {
  await using server = await NatsServer.start();
  const address = `127.0.0.1:${server.port}`;

  const same = (name: string, n: number, line: readonly string[], input?: string) =>
    t.test(name, async () => {
      const [alone, ends] = await Promise.all([
        llama(line, { timeout: 60_000, ...(input !== undefined && { input }) }),
        onHosts(n, [...line, ...meeting(address, String(n))], () => [], input),
      ]);
      for (const { code, stderr } of ends) assert.equal(code, 0, stderr);
      const [zero, ...others] = ends;
      assert.equal(sorted(zero!.stdout), sorted(alone.stdout));
      for (const { stdout, stderr } of others) {
        assert.equal(stdout, "");
        assert.match(stderr, /Joined group \S+ as node [1-9] of \d.\nEpoch 1: ready with layers? \d/);
      }
    });

  const folder = temporaryFolder();
  const requests = join(folder, "requests.jsonl");
  const prompts = ["Once upon a time", "The cat", "Lily and Tom went"];
  const lines = Array.from({ length: 9 }, (_, id) => ({ id, prompt: prompts[id % 3], max_gen_len: 20, seed: id }));
  writeFileSync(requests, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const tests = [
    same("generate gives the text of one host with three", 3, LINE),
    same("batch gives the answers of one host", 2, ["batch", requests]),
    same(
      "repl answers as on one host, and the others end with it",
      2,
      ["repl", "--temperature", "0", "--max_gen_len", "12"],
      "Once upon a time\nThe dog\n",
    ),
    t.test("bench names the hosts, and takes one setup", async () => {
      const line = ["bench", "--pp", "8", "--tg", "4", "--trials", "1", "--json", ...meeting(address, "2")];
      const [zero, one] = await onHosts(2, line);
      assert.equal(zero!.code, 0, zero!.stderr);
      assert.equal(one!.code, 0, one!.stderr);
      assert.deepEqual(
        JSON.parse(zero!.stdout).results.map((row: { model: string }) => row.model),
        ["demo on 2 hosts", "demo on 2 hosts"],
      );
      const two = await llama([...line, "--dtype", "fp32,int8"]);
      assert.equal(two.code, 2);
      assert.match(two.stderr, /--dtype: --nnodes measures one setup; expected one value, found fp32,int8/);
    }),
    t.test("another type on one host is refused on both, with both values", async () => {
      const ends = await onHosts(2, [...LINE, ...meeting(address, "2")], (rank) =>
        rank === 1 ? ["--dtype", "int8"] : [],
      );
      assert.deepEqual(
        ends.map(({ code }) => code),
        [2, 2],
      );
      for (const { stderr } of ends) {
        assert.match(
          stderr,
          /node 1 \(\S+\): the hosts do not have the same dtype; expected fp32 as node 0 \(\S+\), found int8/,
        );
      }
    }),
    t.test("layers are cut as --layers_per_node says, or refused", async () => {
      const line = [...LINE, ...meeting(address, "2"), "--layers_per_node"];
      const [zero, one] = await onHosts(2, [...line, "4,1"]);
      assert.equal(zero!.code, 0, zero!.stderr);
      assert.match(one!.stderr, /ready with layer 0\./);
      const wrong = await onHosts(2, [...line, "4,4"]);
      assert.deepEqual(
        wrong.map(({ code }) => code),
        [2, 2],
      );
      for (const { stderr } of wrong)
        assert.match(stderr, /layers_per_node: does not divide the model's layers; .* found 4,4/);
    }),
  ];
  await Promise.all(tests);
});

test("node 0 starts the server, and nothing is left of it", { skip: withoutNats }, async () => {
  const port = await freePort();
  const before = leftovers();
  const line = [...LINE, "--nnodes", "2", "--rdzv_conf", "join_timeout=30"];
  const env = { MASTER: "", PET_RDZV_ENDPOINT: `localhost:${port}` };
  // The second host comes first, and waits for the server.
  const one = new Host([...line, "--node_rank", "1"], { env });
  const zero = new Host([...line, "--node_rank", "0", "--log_dir", join(temporaryFolder(), "logs")], { env });
  const [first, second] = await Promise.all([zero.ended, one.ended]);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(second.code, 0, second.stderr);
  assert.match(first.stderr, new RegExp(`Started nats-server at nats://localhost:${port}`));
  assert.deepEqual(leftovers(), before);
  assert.equal(await answers(port), false);
});

test("a line that cannot work says so before it waits", () => {
  const refused = (flags: Partial<NodeFlags>, expected: RegExp) => {
    const two = { nnodes: { least: 2, most: 2 }, rdzv_endpoint: "127.0.0.1:1" };
    assert.throws(() => rdzvOptions({ ...two, ...flags }, {}), expected);
  };
  refused({ rdzv_endpoint: undefined }, /--nnodes 2 needs --rdzv_endpoint\. Name the first host/);
  refused({ node_rank: 2 }, /--node_rank: out of range; expected 0 to 1, one for each host of --nnodes, found 2/);
  refused({ rdzv_backend: "etcd" }, /--rdzv_backend: unknown; expected nats, found etcd/);
  refused({ rdzv_conf: { joint: "3" } }, /--rdzv_conf: unknown; expected join_timeout, .*, found joint/);
  refused(
    { rdzv_conf: { lost_after: "x" } },
    /--rdzv_conf lost_after: out of range; expected seconds from 0\.5, found x/,
  );
  refused({ rdzv_endpoint: "a:b@host0:1" }, /--rdzv_endpoint: has a secret in the address/);
  refused({ standalone: true }, /--standalone means one host, --nnodes 2 several/);
  const servers = (flags: Partial<NodeFlags>) =>
    rdzvOptions({ nnodes: { least: 2, most: 3 }, ...flags }, {}).net.options.servers;
  assert.deepEqual(servers({ rdzv_endpoint: "host0" }), ["nats://host0:29400"]);
  assert.deepEqual(servers({ rdzv_endpoint: "tls://a:1,tls://b:2" }), ["tls://a:1", "tls://b:2"]);
  assert.deepEqual(servers({ master_addr: "::1", master_port: 29500 }), ["nats://[::1]:29500"]);
});

test("other machines cannot use the server of node 0 without a secret", { skip: withoutNats }, async () => {
  const address = Object.values((await import("node:os")).networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === "IPv4");
  if (!address) return;
  const line = [
    ...LINE,
    "--nnodes",
    "2",
    "--node_rank",
    "0",
    "--rdzv_endpoint",
    `${address.address}:${await freePort()}`,
  ];
  const { code, stderr } = await llama(line);
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /other machines could use the server without a secret\. Set LLAMA_TS_RDZV_TOKEN to the same text on all hosts/,
  );
});

function sorted(text: string): string {
  if (!text.startsWith("{")) return text;
  const records = text
    .trim()
    .split("\n")
    .map((line) => JSON.stringify({ ...JSON.parse(line), seconds: 0 }));
  return records.sort().join("\n");
}

/** Servers that were started with a file of this program. */
function leftovers(): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("llama-ts-nats-");
    } catch {
      return false;
    }
  });
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
  });
}
