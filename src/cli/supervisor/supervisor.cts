/**
 * The supervisor of a command that loads a model: runs the work in a child, forwards signals and the exit code, and explains a kill.
 * The child has the same streams, terminal and process group.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { LastWords } from "./last-words.cjs";
import { hasSmallWasm, SMALL_WASM } from "./limits.cjs";
import { NO_LIMIT, SAME_PRESS_MS, SUPERVISED, type SupervisedMessage, type Watched } from "./link.cjs";
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

/** The exit code of LlamaError's kind "memory". */
const EXIT_MEMORY = 4;

/** A restart counts against the limit for this time. */
const RESTART_WINDOW_MS = 600_000;
/** Before the second restart within it; twice as long before each later one. */
const RESTART_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
/** A child that has got a signal too has told so by then. */
const REPORT_MS = 50;

/**
 * Runs the command in a child and ends this process in the same way as the child; one that fails may be started again.
 * `addressSpace`: the limit of it in bytes, or Infinity; under a limit the child gives up its terminal on stderr, so that
 * what V8 says at its end can be replaced by the reason.
 */
export async function supervise(argv: readonly string[], addressSpace: number): Promise<void> {
  const restarts: number[] = [];
  let port: number | null = null;
  let helper = 0;
  for (;;) {
    const end = await runChild(argv, { port, helper, addressSpace });
    if (end === null) return;
    const now = performance.now();
    const recent = restarts.filter((time) => now - time < RESTART_WINDOW_MS);
    const { watched } = end;
    if (end.isWanted || watched.restarts <= recent.length) return finish(end);
    await cleanUp();
    if (end.signal !== null && end.requestedCode === null) process.stderr.write((await deathOf(end)).text);
    process.stderr.write(
      `llama-ts: starting the model again (${recent.length + 1}${watched.restarts === NO_LIMIT ? "" : ` of ${watched.restarts}`})\n`,
    );
    // A model that fails again and again should not take all of the machine.
    const pause = Math.min(RESTART_PAUSE_MS * 2 ** (recent.length - 1), MAX_PAUSE_MS);
    if (recent.length > 0) await new Promise((done) => setTimeout(done, pause));
    restarts.push(now);
    port = watched.port;
    helper = watched.helper;
  }
}

interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Exit code from an "end" message. */
  requestedCode: number | null;
  /** It has ended in order, or was asked to. */
  isWanted: boolean;
  watched: Watched;
  killsBefore: number;
}

interface Start {
  port: number | null;
  helper: number;
  addressSpace: number;
}

/** Runs one child to its end; null if it could not be started. */
async function runChild(argv: readonly string[], start: Start): Promise<ChildEnd | null> {
  const { port, helper, addressSpace } = start;
  const isLimited = addressSpace !== Number.POSITIVE_INFINITY;
  const options = [...process.execArgv, ...(isLimited && hasSmallWasm() ? [SMALL_WASM] : [])];
  const child = spawn(process.execPath, [...options, MAIN, ...argv], {
    stdio: ["inherit", "inherit", isLimited ? "pipe" : "inherit", "pipe"],
    env: { ...ALLOCATOR, ...process.env, [SUPERVISED]: port === null ? "1" : String(port) },
  });
  if (child.pid === undefined) {
    // Without a listener, the error would end this process with a stack.
    child.on("error", (error: NodeJS.ErrnoException) => {
      process.stderr.write(`llama-ts: cannot start the process that does the work: ${reasonOf(error)}\n`);
      process.exitCode = error.code === "ENOMEM" ? EXIT_MEMORY : 1;
    });
    return null;
  }
  const killsBefore = kernelKills();
  const watched: Watched = {
    ...{ phase: "starting", estimate: null, peak: null, wasOutOfMemory: false, restarts: 0, port: null },
    ...{ helper, addressSpace },
  };
  const lastWords = child.stderr && new LastWords(child.stderr, (text) => process.stderr.write(text));
  let requestedCode: number | null = null;
  listen(child, (message) => {
    if (message.kind === "end") {
      requestedCode = message.exitCode;
      child.kill("SIGKILL");
    } else if (message.kind === "state") Object.assign(watched, message.state);
    else if (message.kind === "signal") signals.reported();
  });
  const signals = passSignals(child);
  const timer = setInterval(() => watch(child, watched), WATCH_MS);
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    // A signal that could not be sent: the child has just ended.
    child.on("error", () => {});
    // Not "exit", which may come before the pipe's last messages.
    child.on("close", (...end) => resolve(end));
  });
  clearInterval(timer);
  signals.dispose();
  // They are replaced by the reason, if a signal has ended the child.
  if (signal === null && lastWords) process.stderr.write(lastWords.held);
  const isWanted = exitCode === 0 || signals.isEnding || (signal !== null && ENDING.includes(signal));
  return { exitCode, signal, requestedCode, isWanted, watched, killsBefore };
}

/** Ends this process as the child has ended. */
async function finish(end: ChildEnd): Promise<void> {
  const { exitCode, signal, requestedCode, watched } = end;
  if (watched.helper > 0) endHelper(watched.helper);
  if (signal === null) process.exit(exitCode ?? 1);
  await cleanUp();
  if (requestedCode !== null) process.exit(requestedCode);
  if (ENDING.includes(signal)) {
    // The first process of a container ignores signals that it does not handle.
    process.exitCode = 128 + constants.signals[signal];
    process.kill(process.pid, signal);
    return;
  }
  const { text, code } = await deathOf(end);
  // On a terminal the generated text ends in the middle of a line.
  process.stderr.write(isatty(1) ? `\n${text}` : text);
  process.exitCode = code;
}

function endHelper(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It has ended.
  }
}

async function deathOf({ signal, watched, killsBefore }: ChildEnd): Promise<{ text: string; code: number }> {
  watched.wasOutOfMemory = kernelKills() > killsBefore;
  const { deathReport } = await import("./death.js");
  return deathReport(signal!, watched);
}

/** Repairs what a child that was killed has left. */
async function cleanUp(): Promise<void> {
  // Node restores echo and line mode when this process ends; the rest must be restored here.
  if (isatty(2)) process.stderr.write(TERMINAL_SHOWN);
  await removeUnfinished();
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

/**
 * Forwards signals that only this process has got. A terminal signals both, kill only this one; of two signals that reach the
 * child close together it counts one.
 */
function passSignals(child: ChildProcess): { readonly isEnding: boolean; reported(): void; dispose(): void } {
  let reportedAt = Number.NEGATIVE_INFINITY;
  const reported = () => {
    reportedAt = performance.now();
  };
  const passed = { isEnding: false, reported, dispose: () => {} };
  if (process.platform === "win32") return passed;
  let last = Number.NEGATIVE_INFINITY;
  let isAnswered = true;
  pipeOf(child)?.on("data", () => {
    isAnswered = true;
  });
  const pass = (name: NodeJS.Signals) => {
    // A server may read its certificate again at a SIGHUP, and work on.
    if (name !== "SIGHUP") passed.isEnding = true;
    // On a busy machine this process may be late.
    const since = performance.now() - SAME_PRESS_MS;
    setTimeout(() => reportedAt >= since || child.kill(name), REPORT_MS);
    const isAgain = performance.now() - last > SAME_PRESS_MS;
    last = performance.now();
    if (!isAgain) return;
    // If a second signal gets no response, kill the child so that the user need not.
    if (!isAnswered) setTimeout(() => isAnswered || child.kill("SIGKILL"), GRACE_MS);
    isAnswered = false;
    pipeOf(child)?.write("?");
  };
  const stop = () => {
    child.kill("SIGTSTP");
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = () => child.kill("SIGCONT");
  for (const name of ENDING) process.on(name, pass);
  process.on("SIGTSTP", stop).on("SIGCONT", resume);
  passed.dispose = () => {
    for (const name of ENDING) process.off(name, pass);
    process.off("SIGTSTP", stop).off("SIGCONT", resume);
  };
  return passed;
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
