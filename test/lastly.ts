/** Closes what a test file opened outside a suite, once its tests have ended. */
import { after, test } from "node:test";

/**
 * To be called after the last test of a file. Node 20.3 runs `after` outside a suite only when nothing keeps the process open,
 * which an open model, server or browser does; a last test closes it there. `close` may be called twice.
 */
export function lastly(close: () => unknown): void {
  after(async () => {
    await close();
  });
  test("what the file opened closes", async () => {
    await close();
  });
}
