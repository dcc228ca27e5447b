/** A queue whose workers, collector and server are killed, or whose server loses all it has: every line has one answer. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../src/net/nats/net.js";
import { BIN, llama, temporaryFolder } from "../cli/cli-process.js";
import { NatsServer, natsBinaries, withoutNats } from "./nats-server.js";
import { queueSoak } from "./queue-soak.js";

for (const [index, binary] of natsBinaries.entries()) {
  // One version gets the whole of it.
  const requests = index === 0 ? 1000 : 200;
  const name = `${requests} requests with kill -9 of workers, collector and server, nats-server ${binary.version}`;
  test(name, { timeout: 180_000 }, async () => {
    const faults = index === 0 ? 5 : 3;
    const workers = { least: 2, most: 4 };
    const { killed } = await queueSoak({ requests, seed: 11, faults, workers, binary, ackWait: 2 });
    assert.ok(killed.workers > 0 && killed.collectors > 0 && killed.servers > 0, JSON.stringify(killed));
  });
}

const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

test("what a server has lost is submitted again", { skip: withoutNats, timeout: 90_000 }, async () => {
  const folder = temporaryFolder();
  const [input, output] = [join(folder, "in.jsonl"), join(folder, "out.jsonl")];
  const lines = Array.from({ length: 30 }, (_, n) => JSON.stringify({ id: n, prompt: `Once ${n}` }));
  writeFileSync(input, `${lines.join("\n")}\nnot JSON\n`);
  await using server = await NatsServer.start({ folder: join(folder, "nats") });
  const net = await connect({ servers: [server.url], name: "test" });
  const args = ["batch", input, "-o", output, "--queue", server.url, "--max_gen_len", "2"];
  const run = llama(args, { timeout: 60_000 });
  const streams = await net.streams();
  for (let stored = 0; stored < lines.length; await sleep(20)) {
    const [name] = await streams.streamNames("lts.req.>");
    stored = name === undefined ? 0 : ((await streams.streamState(name))?.messages ?? 0);
  }
  await net.close();
  await server.kill();
  rmSync(join(server.folder, "store"), { recursive: true });
  await server.restart();
  const worker = spawn(process.execPath, [BIN, "worker", "--queue", server.url, "--no_supervisor", "--quiet"], {
    stdio: "ignore",
    env: { ...process.env, LLAMA_TS_CONFIG: "" },
  });
  children.push(worker);
  const { code, stderr } = await run;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /The server has lost requests: what has no answer is submitted again\.\n/);
  assert.match(stderr, /31 requests: 30 answered, 1 failed/);
  const ids = readFileSync(output, "utf8").trimEnd().split("\n");
  assert.equal(new Set(ids.map((line) => (JSON.parse(line) as { line: number }).line)).size, 31);
  assert.equal(ids.length, 31);
});
