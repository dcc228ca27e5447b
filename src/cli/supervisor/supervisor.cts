/**
 * The visible process of a command that loads a model. Its child has the same streams, terminal and process group and does the
 * work; this one passes signals and the exit code on, and says what happened where the child cannot: when it was killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import { isatty } from "node:tty";
import { SAME_PRESS_MS, SUPERVISED, type SupervisedMessage, type Watched } from "./link.cjs";
import { kernelKills, peakMemory, processState } from "./proc.cjs";

const MAIN = join(__dirname, "..", "main.js");
/** Between two looks at the child's memory and state. */
const WATCH_MS = 200;
/** What a child that does not answer is given after a second signal. */
const GRACE_MS = 1000;
/**
 * glibc keeps freed blocks below a threshold that grows up to 32 MB: what the runtime prepacks, up to half the size of the
 * weights. This fixed one is above the activations of most prompts, which would otherwise be mapped anew at every step.
 * A fixed one would also give back a heap's end at 128 kB, and take it again: twice the threshold is glibc's own rule.
 */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: "12000000", MALLOC_TRIM_THRESHOLD_: "24000000" };
/** Pasted text without marks, and the cursor that a spinner hides. */
const TERMINAL_SHOWN = "\x1b[?2004l\x1b[?25h";
/** Signals that end a process in good order: they are passed on, and died of where the child did. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs the command in a child; ends this process as that one ended. */
export async function supervise(argv: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...argv], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...ALLOCATOR, ...process.env, [SUPERVISED]: "1" },
  });
  const killsBefore = kernelKills();
  const watched: Watched = { phase: "starting", estimate: null, peak: null, wasMemoryShort: false };
  let verdict: number | null = null;
  listen(child, (message) => {
    if (message.kind === "end") {
      verdict = message.exitCode;
      child.kill("SIGKILL");
    } else if (message.kind === "state") Object.assign(watched, message.state);
  });
  passSignals(child);
  const timer = setInterval(() => watch(child, watched), WATCH_MS);
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", (error) => (child.pid === undefined ? reject(error) : undefined));
    // Not "exit": the pipe's last words come first.
    child.on("close", (...end) => resolve(end));
  });
  clearInterval(timer);
  if (signal === null) process.exit(exitCode ?? 1);

  // Echo and lines Node gives back by itself when this process ends, as they were when it began.
  if (isatty(2)) process.stderr.write(TERMINAL_SHOWN);
  await removeUnfinished();
  if (verdict !== null) process.exit(verdict);
  if (ENDING.includes(signal)) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    return;
  }
  watched.wasMemoryShort = kernelKills() > killsBefore;
  const { deathReport } = await import("./death.js");
  const { text, code } = deathReport(signal, watched);
  // On a terminal the text ends in the middle of a line.
  process.stderr.write(isatty(1) ? `\n${text}` : text);
  process.exitCode = code;
}

/** The pipe that the child finds as its file 3; none where it could not be started. */
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
  // A child that is gone takes no more: its end is told by "close".
  pipeOf(child)
    ?.setEncoding("utf8")
    .on("data", onData)
    .on("error", () => {});
}

/** The terminal sends its signals to both processes, kill to this one alone: the child takes two that come together for one. */
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
      // Who asks twice and gets no answer shall not have to ask with kill -9.
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
  // A child that has stopped itself (Ctrl-Z in a dialogue) would leave the shell waiting for this process.
  if (processState(child.pid!) === "T" && isatty(0)) process.kill(process.pid, "SIGSTOP");
}

/** What the child had half written into the cache. */
async function removeUnfinished(): Promise<void> {
  const { defaultCacheRoot, removeAbandoned } = await import("../../engine/weight-cache/cache-folder.js");
  try {
    removeAbandoned(defaultCacheRoot());
  } catch {
    // No cache, or none that may be changed: the next start that writes tries again.
  }
}
