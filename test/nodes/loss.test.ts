/** Hosts that are lost in the middle of a text: it continues, no token twice or missing, and everybody ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { llama } from "../cli/cli-process.js";
import { NatsServer, withoutNats } from "../net/nats-server.js";
import { Host, meeting } from "./hosts.js";

/** 145 tokens, 574 characters. */
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

const isLinux = process.platform === "linux";
const skip = isLinux ? withoutNats : "reads /proc";

/** Resolves when that many characters of the text have come. */
const written = (host: Host, characters: number) => host.until(new RegExp(`[\\s\\S]{${characters}}`), "stdout");

test("losses in the middle of a text", { skip, concurrency: 2 }, async (t) => {
  await using server = await NatsServer.start();
  const address = `127.0.0.1:${server.port}`;
  const { stdout: text } = await llama(LINE, { timeout: 60_000 });
  assert.ok(text.length > 500, text);

  function start(nodes: string, ...options: string[]): Host[] {
    const line = [...LINE, ...meeting(address, nodes), ...options];
    const most = Number(nodes.split(":").at(-1));
    return Array.from({ length: most }, (_, rank) => new Host([...line, "--node_rank", String(rank)]));
  }
  async function isWhole(hosts: readonly Host[]): Promise<void> {
    const ends = await Promise.all(hosts.map(({ ended }) => ended));
    for (const { code, stderr } of ends) assert.equal(code, 0, stderr);
    assert.equal(ends[0]!.stdout, text);
  }

  const tests = [
    t.test("each stage is killed once and started again", async () => {
      const hosts = start("3", "--max_restarts", "9");
      await written(hosts[0]!, 100);
      const start1 = performance.now();
      hosts[1]!.kill();
      await hosts[0]!.until(/Lost: node 1/);
      assert.ok(performance.now() - start1 < 4000, "noticed late");
      await written(hosts[0]!, 300);
      hosts[2]!.kill();
      await isWhole(hosts);
    }),
    t.test("a spare takes the place of a stage that does not come again", async () => {
      const hosts = start("2:3", "--max_restarts", "1");
      await hosts[2]!.until(/Joined group/);
      await written(hosts[0]!, 50);
      const held = [hosts[1]!, hosts[2]!].find(({ stderr }) => stderr.includes("ready with"))!;
      // The supervisor too: this host is gone.
      const worker = held.worker;
      held.child.kill("SIGKILL");
      process.kill(worker, "SIGKILL");
      await isWhole(hosts.filter((host) => host !== held));
    }),
    t.test("a stage that is stopped for longer than lost_after works again", async () => {
      const [zero, one] = start("2", "--max_restarts", "1");
      await written(zero!, 50);
      const pid = one!.worker;
      process.kill(pid, "SIGSTOP");
      await zero!.until(/Lost: node 1/);
      process.kill(pid, "SIGCONT");
      await isWhole([zero!, one!]);
    }),
    t.test("without --max_restarts the command fails and names the host, and all end", async () => {
      const [zero, one, two] = start("3");
      await written(zero!, 50);
      two!.child.kill("SIGTERM");
      const end = await zero!.ended;
      assert.equal(end.code, 1, end.stderr);
      assert.match(end.stderr, /node 2 \(\S+\), layers? .*: a host was lost at .*--max_restarts 0 allows no other/);
      assert.equal((await two!.ended).code, 143);
      const other = await one!.ended;
      assert.equal(other.code, 1, other.stderr);
      assert.match(other.stderr, /node 0 has ended the group: .*a host was lost/);
    }),
    t.test("Ctrl-C at node 0 ends all", async () => {
      const [zero, one] = start("2");
      await written(zero!, 50);
      zero!.child.kill("SIGINT");
      assert.equal((await zero!.ended).code, 130);
      assert.equal((await one!.ended).code, 0);
    }),
    t.test("node 0 is killed: the others do not wait for ever", async () => {
      const line = [...LINE, ...meeting(address, "2").map((word) => word.replace("join_timeout=60", "join_timeout=5"))];
      const [zero, one] = [0, 1].map((rank) => new Host([...line, "--node_rank", String(rank)]));
      await written(zero!, 50);
      zero!.kill();
      const end = await one!.ended;
      assert.equal(end.code, 1, end.stderr);
      assert.match(end.stderr, /node 0 is lost\.\n.*node 0 does not come/);
    }),
  ];
  await Promise.all(tests);

  await t.test("the server is started again", async () => {
    const [zero, one] = start("2", "--max_restarts", "1");
    await written(zero!, 50);
    await server.restart();
    await isWhole([zero!, one!]);
  });
});
