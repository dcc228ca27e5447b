/** A queue whose workers, collector and server are killed: every line has one answer, that of a run without faults. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { natsBinaries } from "./nats-server.js";
import { queueSoak } from "./queue-soak.js";

for (const [index, binary] of natsBinaries.entries()) {
  // The newest server gets the whole of it.
  const requests = index === 0 ? 1000 : 300;
  const name = `${requests} requests with kill -9 of workers, collector and server, nats-server ${binary.version}`;
  test(name, { timeout: 120_000 }, async () => {
    const faults = index === 0 ? 6 : 3;
    const workers = { least: 2, most: 4 };
    const { killed } = await queueSoak({ requests, seed: 11, faults, workers, binary, ackWait: 2 });
    assert.ok(killed.workers > 0 && killed.collectors > 0 && killed.servers > 0, JSON.stringify(killed));
  });
}
