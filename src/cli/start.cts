/**
 * The first module of the command: starts either the supervisor or, for commands without a model, the work itself.
 * CommonJS like everything the supervisor loads: as ES modules these few files start the child 3 to 5 ms later and use 2 MB more.
 */

/** Commands that load no model and no tokenizer; `inspect` loads a tokenizer. */
const SMALL = ["help", "cache", "queue", "completion", "__complete", "config"];
const QUESTIONS = ["-h", "--help", "-V", "--version"];
/** Values that turn a switch off, as for other settings. */
const OFF = ["", "0", "false", "no", "off"];

// Without a listener Node opens its debugger's port at this signal. The child has one of its own.
process.on("SIGUSR1", () => {});

const words = process.argv.slice(2);
const command = words[words[0] === "torchrun" ? 1 : 0] ?? "";
const isQuestion = words.some((word) => QUESTIONS.includes(word));

if (isLossy()) {
  end(2, "an argument is not UTF-8. Give the text as a file: --prompt_file, which is checked");
} else {
  const { processLimits, limitProblem, hasSmallWasm, SMALL_WASM } =
    require("./supervisor/limits.cjs") as typeof import("./supervisor/limits.cjs");
  const limits = processLimits();
  // Without an option for Node that only a child can have, WebAssembly needs more address space than limits allow.
  const isLimited = limits.addressSpace !== Number.POSITIVE_INFINITY && !isQuestion && !SMALL.includes(command);
  const isChild = isSupervised() || (isLimited && command === "inspect");
  const isSmall = isChild
    ? hasSmallWasm()
    : [...process.execArgv, process.env.NODE_OPTIONS].join(" ").includes(SMALL_WASM);
  const problem = limitProblem(isLimited ? limits : { ...limits, addressSpace: Number.POSITIVE_INFINITY }, isSmall);
  if (problem) end(problem.code, problem.text);
  else if (isChild) {
    const { supervise } = require("./supervisor/supervisor.cjs") as typeof import("./supervisor/supervisor.cjs");
    void supervise(words, limits.addressSpace);
  } else {
    void import("./main.js");
  }
}

function end(code: number, problem: string): void {
  process.stderr.write(`llama-ts: ${problem}\n`);
  process.exitCode = code;
}

function isSupervised(): boolean {
  if (isQuestion || words.some((word) => /^--no[-_]supervisor$/.test(word))) return false;
  if (!OFF.includes((process.env.LLAMA_TS_NO_SUPERVISOR ?? "").toLowerCase())) return false;
  // A debugger is meant for the process that does the work, and it has only one port.
  if (process.execArgv.some((option) => option.startsWith("--inspect"))) return false;
  return !SMALL.includes(command) && command !== "inspect";
}

/** Whether Node has replaced bytes of the command line that are not UTF-8 by U+FFFD. Only Linux shows the bytes. */
function isLossy(): boolean {
  if (!process.argv.some((word) => word.includes("\ufffd"))) return false;
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  const { isUtf8 } = require("node:buffer") as typeof import("node:buffer");
  try {
    return !isUtf8(readFileSync("/proc/self/cmdline"));
  } catch {
    return false;
  }
}
