/** Reads the prompt from the command line, a file or stdin. Does not know tokens. */
import { createReadStream, fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { LlamaError } from "../../../error.js";
import type { GenerateFlags } from "../../options/flags.js";
import { printNote } from "../../terminal/notes.js";
import { readText } from "../../terminal/read-input.js";

/** The placeholder in a prompt that is replaced by the text of stdin. */
const SLOT = "{{input}}";
/** A pipe that is silent for this long produces a note, because there may be no writer. */
const NOTE_AFTER_MS = 2000;

type PromptFlags = Pick<GenerateFlags, "prompt" | "prompt_file" | "no_stdin" | "quiet">;

/**
 * Returns the prompt of the command line or the file, with piped text before it or in place of {{input}}; or the text of stdin
 * alone. Never waits for a terminal. `script` is the one that a torchrun line names.
 */
export async function readPrompt(flags: PromptFlags, signal: AbortSignal, script?: string): Promise<string> {
  const { prompt, prompt_file, no_stdin, quiet = false } = flags;
  const read = () => readStdin(signal, quiet);
  if (prompt === "-") return withoutNewline(await read());
  const own =
    prompt_file === undefined
      ? prompt
      : await readText(createReadStream(prompt_file), `--prompt_file ${prompt_file}`, signal);
  if (own?.includes(SLOT) && !no_stdin) {
    if (isatty(0)) throw new LlamaError("usage", `no input to replace ${SLOT}`, { fix: "Pipe text to stdin" });
    const input = withoutNewline(await read());
    return own.replaceAll(SLOT, () => input);
  }
  if (own !== undefined) {
    const before = no_stdin || !isStdinPiped() ? "" : await read();
    return before === "" || before.endsWith("\n") ? before + own : `${before}\n${own}`;
  }
  const fix = "Give --prompt TEXT, --prompt_file FILE or text on stdin";
  if (isatty(0)) throw new LlamaError("usage", "no prompt", { fix: `${fix}; llama-ts repl starts a conversation` });
  const text = withoutNewline(await read());
  // An empty stdin usually means a job without a terminal. To ask for an empty prompt, use --prompt "".
  if (text === "") {
    const inside = script === undefined ? "" : `${script}, which is not run, has its prompts inside. `;
    throw new LlamaError("usage", "no prompt, and stdin is empty", { fix: inside + fix });
  }
  return text;
}

/** True if stdin may have text: a pipe, a file or a socket, but not a terminal, /dev/null or another device. */
function isStdinPiped(): boolean {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isFile() || stdin.isSocket();
  } catch {
    return false;
  }
}

async function readStdin(signal: AbortSignal, quiet: boolean): Promise<string> {
  const note = () => printNote("Waiting for stdin to end; use --no_stdin or < /dev/null if it has no input.");
  const timer = quiet ? undefined : setTimeout(note, NOTE_AFTER_MS);
  try {
    return await readText(process.stdin, "stdin", signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Removes the newline that echo, printf and here-documents add at the end. */
function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}
