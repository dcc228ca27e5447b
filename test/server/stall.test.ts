/** A reader that takes nothing loses its connection, while the answer is written and after it; one that is slow does not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { HttpListener } from "../../src/server/http/http-listener.js";

const STALL_MS = 400;
/** More than the buffers of both sockets hold, and longer than that time at the pace of the slow reader. */
const BYTES = 16 << 20;

test("what nobody reads is given up after a time without progress", async () => {
  const closed: number[] = [];
  const listener = new HttpListener(
    (incoming, outgoing) => {
      if (incoming.url === "/late") return void setTimeout(() => outgoing.end("late"), 3 * STALL_MS);
      const start = performance.now();
      outgoing.on("close", () => closed.push(performance.now() - start));
      outgoing.end(Buffer.alloc(BYTES));
    },
    null,
    STALL_MS,
  );
  const { port } = await listener.listen("127.0.0.1", 0);
  const ask = () => {
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return socket;
  };
  // An answer that takes long to compute is no stall.
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/late`)).text(), "late");
  const stalled = ask().pause();
  let received = 0;
  stalled
    .on("error", () => {})
    .on("data", (piece) => {
      received += piece.length;
    });
  stalled.pause();
  while (closed.length === 0) await new Promise((done) => setTimeout(done, 10));
  assert.ok(closed[0]! >= STALL_MS, `${closed[0]}`);
  assert.equal(listener.openResponses, 0);
  stalled.resume();
  await once(stalled, "close");
  assert.ok(received < BYTES, `${received}`);

  // A little now and then, for much longer than that.
  const slow = ask();
  let taken = 0;
  slow.on("data", (piece) => {
    taken += piece.length;
    slow.pause();
    setTimeout(() => slow.resume(), piece.length / 12_000);
  });
  while (taken < BYTES && !slow.destroyed) await new Promise((done) => setTimeout(done, 10));
  assert.ok(taken >= BYTES && closed[1]! > STALL_MS, `${taken} bytes in ${closed[1]} ms`);
  slow.destroy();
  listener.close();
});
