/** Wrong requests against a real server; `npm run fuzz:serve` sends more of them. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { worker } from "../cli/working-process.js";
import { fuzzServer, startTarget } from "./server.js";

const COUNT = 1500;

test(`${COUNT} connections of wrong requests: no failure, no other client disturbed, nothing left`, async () => {
  const server = await startTarget();
  const files = () => {
    const folder = `/proc/${worker(server.child.pid!)}/fd`;
    return existsSync(folder) ? readdirSync(folder).length : 0;
  };
  const memory = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)![1]);
  };
  // The first of them load what is loaded once.
  await fuzzServer(server, { seed: 7, count: 100 });
  const before = { files: files(), memory: await memory() };
  const { statuses, failures } = await fuzzServer(server, { seed: 7, count: COUNT - 100, start: 100 });
  assert.deepEqual(failures.slice(0, 5), []);
  const answered = COUNT - 100 - (statuses.get(0) ?? 0);
  assert.ok(answered > COUNT / 4, `${answered} were answered`);
  assert.ok(statuses.get(200)! > 0 && statuses.get(400)! > statuses.get(200)!, JSON.stringify([...statuses]));
  assert.ok(files() <= before.files + 4, `${before.files} files were open, now ${files()}`);
  const grown = (await memory()) - before.memory;
  // KV caches of ended requests are kept for later ones.
  assert.ok(grown < 100e6, `${grown} bytes more than before`);
  server.child.kill("SIGTERM");
  assert.equal(await server.ended(), 0);
});
