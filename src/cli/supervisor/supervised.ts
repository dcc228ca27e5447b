/** The child's side of the supervisor: says what it does, answers, and ends when the supervisor is gone. Without one it does nothing. */
import { Socket } from "node:net";
import { PIPE_FD, SUPERVISED, type SupervisedMessage } from "./link.cjs";

/** What is left of the work may take so long once the supervisor is gone. */
const ORPHAN_MS = 3000;

let pipe: Socket | null = null;

/** Called once, by a program that was started by the supervisor. */
export function attendSupervisor(): void {
  if (process.env[SUPERVISED] === undefined) return;
  delete process.env[SUPERVISED];
  pipe = new Socket({ fd: PIPE_FD, readable: true, writable: true });
  pipe.on("data", () => tell({ kind: "alive" }));
  pipe.on("error", () => {});
  pipe.on("close", () => {
    // Killed, or crashed: nobody waits for the result. The usual way to end first, then the sure one.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), ORPHAN_MS).unref();
    process.kill(process.pid, "SIGTERM");
  });
  pipe.unref();
}

/** For the report of a death: what is being done, and how much memory it is expected to take. */
export function tellState(state: { phase?: string; estimate?: number }): void {
  tell({ kind: "state", state });
}

/** Ends the process although threads of it cannot be ended. What was written must have drained. */
export function endNow(exitCode: number): void {
  if (pipe?.writable) tell({ kind: "end", exitCode });
  else process.kill(process.pid, "SIGKILL");
}

function tell(message: SupervisedMessage): void {
  if (pipe?.writable) pipe.write(`${JSON.stringify(message)}\n`);
}
