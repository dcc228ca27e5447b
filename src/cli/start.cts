/**
 * The first module of the command: decides whether a supervisor stands before the work. Loads nothing but what it decides for.
 * CommonJS, as all that the supervisor loads: as ES modules these few files start the child 3 to 5 ms later and hold 2 MB more.
 */

/** Commands that load no model. */
const PLAIN = ["help", "cache", "inspect", "completion", "config"];
const QUESTIONS = ["-h", "--help", "-V", "--version"];
/** A switch that is off, as in other settings. */
const OFF = ["", "0", "false", "no", "off"];

if (isSupervised(process.argv.slice(2))) {
  const { supervise } = require("./supervisor/supervisor.cjs") as typeof import("./supervisor/supervisor.cjs");
  void supervise(process.argv.slice(2));
} else {
  void import("./main.js");
}

function isSupervised(words: readonly string[]): boolean {
  if (words.some((word) => QUESTIONS.includes(word) || /^--no[-_]supervisor$/.test(word))) return false;
  if (!OFF.includes((process.env.LLAMA_TS_NO_SUPERVISOR ?? "").toLowerCase())) return false;
  // A debugger is for the process that works, and has one port.
  if (process.execArgv.some((option) => option.startsWith("--inspect"))) return false;
  return !PLAIN.includes(words[words[0] === "torchrun" ? 1 : 0] ?? "");
}
