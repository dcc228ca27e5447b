/**
 * The first module of the command: starts either the supervisor or, for commands without a model, the work itself.
 * CommonJS like everything the supervisor loads: as ES modules these few files start the child 3 to 5 ms later and use 2 MB more.
 */

/** Commands that load no model. */
const PLAIN = ["help", "cache", "inspect", "completion", "__complete", "config"];
const QUESTIONS = ["-h", "--help", "-V", "--version"];
/** Values that turn a switch off, as for other settings. */
const OFF = ["", "0", "false", "no", "off"];

// Without a listener Node opens its debugger's port at this signal. The child has one of its own.
process.on("SIGUSR1", () => {});

if (isLossy()) {
  process.stderr.write(
    "llama-ts: an argument is not UTF-8. Give the text as a file: --prompt_file, which is checked\n",
  );
  process.exitCode = 2;
} else if (isSupervised(process.argv.slice(2))) {
  const { supervise } = require("./supervisor/supervisor.cjs") as typeof import("./supervisor/supervisor.cjs");
  void supervise(process.argv.slice(2));
} else {
  void import("./main.js");
}

function isSupervised(words: readonly string[]): boolean {
  if (words.some((word) => QUESTIONS.includes(word) || /^--no[-_]supervisor$/.test(word))) return false;
  if (!OFF.includes((process.env.LLAMA_TS_NO_SUPERVISOR ?? "").toLowerCase())) return false;
  // A debugger is meant for the process that does the work, and it has only one port.
  if (process.execArgv.some((option) => option.startsWith("--inspect"))) return false;
  return !PLAIN.includes(words[words[0] === "torchrun" ? 1 : 0] ?? "");
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
