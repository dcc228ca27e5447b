/** The child's side of the supervisor: reports its state, answers, and ends when the supervisor has ended. */
import { Socket } from "node:net";
import { type ChildState, PIPE_FD, SUPERVISED, type SupervisedMessage } from "./link.cjs";

/** Time for an orderly end after the supervisor has ended. */
const ORPHAN_MS = 3000;

let pipe: Socket | null = null;
let portBefore: number | null = null;

/** Connects to the supervisor, if there is one. Call once, at the start. */
export function connectToSupervisor(): void {
  const word = process.env[SUPERVISED];
  if (word === undefined) return;
  if (word !== "1") portBefore = Number(word);
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

/** The port that the process before this one had, if it has failed and this one takes its place. */
export function inheritedPort(): number | null {
  return portBefore;
}

/** Reports what the supervisor should know if this process dies: for its message, and whether to start another one. */
export function reportState(state: ChildState): void {
  send({ kind: "state", state });
}

/** Reports a signal, which a terminal sends to both processes. */
export function reportSignal(): void {
  send({ kind: "signal" });
}

/** Ends the process even if its threads cannot be stopped. Output must have drained before. */
export function endNow(exitCode: number): void {
  if (pipe?.writable) send({ kind: "end", exitCode });
  else process.kill(process.pid, "SIGKILL");
}

function send(message: SupervisedMessage): void {
  if (pipe?.writable) pipe.write(`${JSON.stringify(message)}\n`);
}
