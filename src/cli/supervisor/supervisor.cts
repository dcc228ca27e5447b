/**
 * The supervisor of a command that loads a model: runs the work in a child, forwards signals and the exit code, and explains a kill.
 * The child has the same streams, terminal and process group.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import { isatty } from "node:tty";
import { SAME_PRESS_MS, SUPERVISED, type SupervisedMessage, type Watched } from "./link.cjs";
import { kernelKills, peakMemory, processState } from "./proc.cjs";

const MAIN = join(__dirname, "..", "main.js");
/** Interval between two reads of the child's memory and state. */
const WATCH_MS = 200;
/** Time that a child has to answer a second signal before it is killed. */
const GRACE_MS = 1000;
/**
 * glibc does not return freed blocks below a threshold that grows up to 32 MB: for the runtime's prepacking buffers that adds up
 * to half the size of the weights. This fixed threshold is above the activations of most prompts, which would otherwise be mapped
 * again at every step. With a fixed threshold glibc would also trim the heap at 128 kB and grow it again; twice the threshold is
 * glibc's own rule for the trim threshold.
 */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: "12000000", MALLOC_TRIM_THRESHOLD_: "24000000" };
/** Turns off bracketed paste and shows the cursor, which a spinner hides. */
const TERMINAL_SHOWN = "\x1b[?2004l\x1b[?25h";
/** Signals for an orderly end: forwarded to the child; if it dies from one, so does this process. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs the command in a child and ends this process in the same way as the child. */
export async function supervise(argv: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...argv], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...ALLOCATOR, ...process.env, [SUPERVISED]: "1" },
  });
  if (child.pid === undefined) {
    // Without a listener, the error would end this process with a stack.
    child.on("error", (error: NodeJS.ErrnoException) => {
      process.stderr.write(`llama-ts: cannot start the process that does the work: ${reasonOf(error)}\n`);
      process.exitCode = 1;
    });
    return;
  }
  const killsBefore = kernelKills();
  const watched: Watched = { phase: "starting", estimate: null, peak: null, wasOutOfMemory: false };
  /** Exit code from an "end" message. */
  let requestedCode: number | null = null;
  listen(child, (message) => {
    if (message.kind === "end") {
      requestedCode = message.exitCode;
      child.kill("SIGKILL");
    } else if (message.kind === "state") Object.assign(watched, message.state);
  });
  passSignals(child);
  const timer = setInterval(() => watch(child, watched), WATCH_MS);
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    // A signal that could not be sent: the child has just ended.
    child.on("error", () => {});
    // Not "exit", which may come before the pipe's last messages.
    child.on("close", (...end) => resolve(end));
  });
  clearInterval(timer);
  if (signal === null) process.exit(exitCode ?? 1);

  // Node restores echo and line mode when this process ends; the rest must be restored here.
  if (isatty(2)) process.stderr.write(TERMINAL_SHOWN);
  await removeUnfinished();
  if (requestedCode !== null) process.exit(requestedCode);
  if (ENDING.includes(signal)) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    return;
  }
  watched.wasOutOfMemory = kernelKills() > killsBefore;
  const { deathReport } = await import("./death.js");
  const { text, code } = deathReport(signal, watched);
  // On a terminal the generated text ends in the middle of a line.
  process.stderr.write(isatty(1) ? `\n${text}` : text);
  process.exitCode = code;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EMFILE" || code === "ENFILE") return "too many open files. Raise the limit (ulimit -n)";
  if (code === "EAGAIN") return "too many processes. Raise the limit (ulimit -u)";
  return code === "ENOMEM" ? "not enough memory" : message;
}

/** The pipe that is the child's file descriptor 3; undefined if the child could not be started. */
function pipeOf(child: ChildProcess): Socket | undefined {
  return child.stdio[3] as Socket | undefined;
}

function listen(child: ChildProcess, onMessage: (message: SupervisedMessage) => void): void {
  let rest = "";
  const onData = (piece: string) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onMessage(JSON.parse(line));
  };
  // Writing to a child that has ended fails; "close" reports its end.
  pipeOf(child)
    ?.setEncoding("utf8")
    .on("data", onData)
    .on("error", () => {});
}

/** Forwards signals. A terminal signals both processes, kill only this one; the child counts two signals close together as one. */
function passSignals(child: ChildProcess): void {
  if (process.platform === "win32") return;
  let last = Number.NEGATIVE_INFINITY;
  let isAnswered = true;
  pipeOf(child)?.on("data", () => {
    isAnswered = true;
  });
  for (const name of ENDING) {
    process.on(name, () => {
      child.kill(name);
      const isAgain = performance.now() - last > SAME_PRESS_MS;
      last = performance.now();
      if (!isAgain) return;
      // If a second signal gets no response, kill the child so that the user need not.
      if (!isAnswered) setTimeout(() => isAnswered || child.kill("SIGKILL"), GRACE_MS);
      isAnswered = false;
      pipeOf(child)?.write("?");
    });
  }
  process.on("SIGTSTP", () => {
    child.kill("SIGTSTP");
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => child.kill("SIGCONT"));
}

function watch(child: ChildProcess, watched: Watched): void {
  watched.peak = peakMemory(child.pid!) ?? watched.peak;
  // If the child stops itself (Ctrl-Z in the REPL), the shell would wait for this process, so stop too.
  if (processState(child.pid!) === "T" && isatty(0)) process.kill(process.pid, "SIGSTOP");
}

/** Removes what the child had partly written into the weight cache. */
async function removeUnfinished(): Promise<void> {
  const { defaultCacheRoot, removeAbandoned } = await import("../../engine/weight-cache/cache-folder.js");
  try {
    removeAbandoned(defaultCacheRoot());
  } catch {
    // No cache, or it is read-only: the next start that writes to it tries again.
  }
}
