/** The child's side of the supervisor: reports its state, answers, and ends when the supervisor has ended. */
import { Socket } from "node:net";
import { PIPE_FD, SUPERVISED, type SupervisedMessage } from "./link.cjs";

/** Time for an orderly end after the supervisor has ended. */
const ORPHAN_MS = 3000;

let pipe: Socket | null = null;

/** Connects to the supervisor, if there is one. Call once, at the start. */
export function connectToSupervisor(): void {
  if (process.env[SUPERVISED] === undefined) return;
  delete process.env[SUPERVISED];
  pipe = new Socket({ fd: PIPE_FD, readable: true, writable: true });
  pipe.on("data", () => send({ kind: "alive" }));
  pipe.on("error", () => {});
  pipe.on("close", () => {
    // The supervisor was killed or crashed, so nobody waits for the result: try an orderly end first, then kill.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), ORPHAN_MS).unref();
    process.kill(process.pid, "SIGTERM");
  });
  pipe.unref();
}

/** Reports the current phase or the estimated memory in bytes, for the message if this process dies. */
export function reportState(state: { phase?: string; estimate?: number }): void {
  send({ kind: "state", state });
}

/** Ends the process even if its threads cannot be stopped. Output must have drained before. */
export function endNow(exitCode: number): void {
  if (pipe?.writable) send({ kind: "end", exitCode });
  else process.kill(process.pid, "SIGKILL");
}

function send(message: SupervisedMessage): void {
  if (pipe?.writable) pipe.write(`${JSON.stringify(message)}\n`);
}
