import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { StallWatch } from "../../src/engine/host/stall-watch.js";
import { allocateHeartbeats, countBeats, Heartbeat } from "../../src/engine/shared/heartbeat.js";

const TIMEOUT_MS = 300;

test("only ranks without progress stall: time while the process was stopped does not count", async () => {
  const memory = allocateHeartbeats(2);
  const rank = new Heartbeat(memory, 1, null);
  let stalls = 0;
  const watch = new StallWatch(
    () => countBeats(memory),
    TIMEOUT_MS,
    () => stalls++,
  );
  watch.start();
  for (let i = 0; i < 8; i++) {
    await sleep(TIMEOUT_MS / 4);
    rank.at("decode", i);
  }
  assert.equal(stalls, 0);
  // Let a check see the last heartbeat, then block the event loop: no checks run, as while the process is stopped.
  await sleep(TIMEOUT_MS / 5);
  const blocked = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(blocked, 0, 0, TIMEOUT_MS * 2);
  await sleep(TIMEOUT_MS / 4);
  assert.equal(stalls, 0);
  await sleep(TIMEOUT_MS * 2);
  assert.deepEqual([stalls, watch.hasStalled], [1, true]);
});

test("any change of the number is progress", async () => {
  let [blocksRead, stalls] = [0, 0];
  const watch = new StallWatch(
    () => blocksRead,
    TIMEOUT_MS,
    () => stalls++,
  );
  watch.start();
  const reading = setInterval(() => blocksRead++, TIMEOUT_MS / 4);
  await sleep(TIMEOUT_MS * 3);
  assert.equal(stalls, 0);
  clearInterval(reading);
  await sleep(TIMEOUT_MS * 2);
  assert.equal(stalls, 1);
});
