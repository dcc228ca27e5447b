/** The child's side of the supervisor: says what it does, answers, and ends when the supervisor is gone. Without one it does nothing. */

/** Signals that are no further apart are one wish: a terminal, timeout(1) and the supervisor all send to both processes. */
export const SAME_PRESS_MS = 100;
/** What is left of the work may take so long once the supervisor is gone. */
const ORPHAN_MS = 3000;

/** What the child tells; "alive" answers every message. */
export type SupervisedMessage =
  | { kind: "alive" }
  | { kind: "state"; state: { phase?: string; estimate?: number } }
  /** A thread cannot be ended: end the process, with this exit code. */
  | { kind: "end"; exitCode: number };

let isSupervised = false;

/** Called once, by a program that was started by the supervisor. */
export function attendSupervisor(): void {
  if (process.channel === undefined || process.channel === null) return;
  isSupervised = true;
  process.on("message", () => tell({ kind: "alive" }));
  process.on("disconnect", () => {
    // Killed, or crashed: nobody waits for the result. The usual way to end first, then the sure one.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), ORPHAN_MS).unref();
    process.kill(process.pid, "SIGTERM");
  });
  process.channel.unref();
}

/** For the report of a death: what is being done, and how much memory it is expected to take. */
export function tellState(state: { phase?: string; estimate?: number }): void {
  tell({ kind: "state", state });
}

/** Ends the process although threads of it cannot be ended. What was written must have drained. */
export function endNow(exitCode: number): void {
  if (isSupervised && process.connected) tell({ kind: "end", exitCode });
  else process.kill(process.pid, "SIGKILL");
}

function tell(message: SupervisedMessage): void {
  if (isSupervised && process.connected) process.send!(message, undefined, undefined, () => {});
}
