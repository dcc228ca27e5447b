/** A network that fails between hosts while a text is written: it continues when the network is there again, and otherwise all end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { llama } from "../cli/cli-process.js";
import { withoutNats } from "../net/nats-server.js";
import { Host } from "./hosts.js";
import { Cable, withoutNamespaces } from "./namespaces.js";

const LINE = [
  "generate",
  "--prompt",
  "Once upon a time",
  "--max_gen_len",
  "300",
  "--temperature",
  "0.8",
  "--seed",
  "5",
];
const written = (host: Host, characters: number) => host.until(new RegExp(`[\\s\\S]{${characters}}`), "stdout");

test("the network fails in the middle of a text", {
  skip: withoutNats || withoutNamespaces,
  concurrency: 3,
}, async (t) => {
  const { stdout: text } = await llama(LINE, { timeout: 60_000 });

  /** Two hosts, of which the first has the server; both share a secret. */
  function start(cable: Cable, conf: string, ...options: string[]): [Host, Host] {
    const endpoint = ["--nnodes", "2", "--rdzv_endpoint", `${cable.address(0)}:29400`, "--rdzv_conf", conf];
    const env = { LLAMA_TS_RDZV_TOKEN: "a-secret-of-both" };
    const of = (rank: number) =>
      new Host([...LINE, ...endpoint, ...options, "--node_rank", String(rank)], { prefix: cable.prefix(rank), env });
    return [of(0), of(1)];
  }
  async function isWhole(hosts: readonly Host[]): Promise<void> {
    for (const { code, stdout, stderr } of await Promise.all(hosts.map(({ ended }) => ended))) {
      assert.equal(code, 0, stderr);
      assert.ok(stdout === "" || stdout === text, stdout);
    }
  }

  const tests = [
    t.test("for a second", async () => {
      const cable = new Cable("1gbit");
      const hosts = start(cable, "join_timeout=30,lost_after=3", "--max_restarts", "2");
      await written(hosts[0], 50);
      cable.cut(1);
      await sleep(1000);
      cable.heal(1);
      await isWhole(hosts);
    }),
    t.test("until both have lost each other", async () => {
      const cable = new Cable("100mbit");
      const hosts = start(cable, "join_timeout=30,lost_after=1", "--max_restarts", "2");
      await written(hosts[0], 50);
      cable.cut(1);
      await Promise.all([hosts[0].until(/Lost: node 1/), hosts[1].until(/node 0 is lost|does not answer/)]);
      cable.heal(1);
      await isWhole(hosts);
    }),
    t.test("for good", async () => {
      const cable = new Cable();
      const hosts = start(cable, "join_timeout=8,lost_after=1", "--max_restarts", "2");
      await written(hosts[0], 50);
      cable.cut(1);
      const [zero, one] = await Promise.all(hosts.map(({ ended }) => ended));
      assert.equal(zero!.code, 1, zero!.stderr);
      assert.match(zero!.stderr, /node 1 .*: nobody has taken the place of a lost host; expected a host within 8 s/);
      assert.equal(one!.code, 1, one!.stderr);
      assert.ok(text.startsWith(zero!.stdout.trimEnd()), zero!.stdout);
    }),
  ];
  await Promise.all(tests);
});
