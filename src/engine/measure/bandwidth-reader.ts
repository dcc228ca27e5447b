/** Entry point of a thread that measures memory reads: each message starts one pass over its bytes, by one of two C library functions. */
import { parentPort, workerData } from "node:worker_threads";

const port = parentPort!;
const bytes = Buffer.from(new ArrayBuffer(workerData as number));
const half = bytes.length / 2;
// Untouched or identical pages may share one physical page, so write different numbers. No byte is 0xff.
const words = new Uint32Array(bytes.buffer, 0, half / 4);
for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 0x9e3779b1) & 0x7f7f7f7f;
bytes.copyWithin(half, 0, half);

port.on("message", (pass: number) => {
  // Comparing equal halves (memcmp) and searching for an absent byte (memchr) both read everything. Which is faster differs by CPU.
  if (pass % 2 === 0) bytes.compare(bytes, half, bytes.length, 0, half);
  else bytes.indexOf(0xff);
  port.postMessage(pass);
});
port.postMessage(null);
