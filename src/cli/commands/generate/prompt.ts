/** Where the prompt comes from: the command line, stdin or a file. Knows bytes and text; not tokens. */
import { createReadStream, fstatSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty } from "node:tty";
import { LlamaError } from "../../../error.js";
import { decodeUtf8 } from "../../../formats/files/utf8.js";
import type { GenerateFlags } from "../../options/flags.js";
import { printNote } from "../../terminal/notes.js";

/** No context holds more; keeps a wrong pipe from filling the memory. */
const MAX_PROMPT_BYTES = 64 << 20;

/** Where a prompt has this, the text of stdin takes its place. */
const SLOT = "{{input}}";
/** A pipe that says nothing for so long gets a remark: nobody may be there to write. */
const REMARK_AFTER_MS = 2000;

type PromptFlags = Pick<GenerateFlags, "prompt" | "prompt_file" | "no_stdin" | "quiet">;

/**
 * The prompt of the line or the file, with what is piped in before it or in its slot; or stdin alone. Nothing is waited for
 * on a terminal.
 */
export async function readPrompt(flags: PromptFlags, signal: AbortSignal): Promise<string> {
  const { prompt, prompt_file, no_stdin, quiet = false } = flags;
  const read = () => readStdin(signal, quiet);
  if (prompt === "-") return withoutNewline(await read());
  const own =
    prompt_file === undefined
      ? prompt
      : decodeUtf8(await readAll(createReadStream(prompt_file), `--prompt_file ${prompt_file}`, signal));
  if (own?.includes(SLOT) && !no_stdin) {
    if (isatty(0)) throw new LlamaError("usage", `nothing takes the place of ${SLOT}`, { fix: "Pipe text in" });
    const input = withoutNewline(await read());
    return own.replaceAll(SLOT, () => input);
  }
  if (own !== undefined) {
    const before = no_stdin || !isStdinPiped() ? "" : await read();
    return before === "" || before.endsWith("\n") ? before + own : `${before}\n${own}`;
  }
  const fix = "Give --prompt TEXT, --prompt_file FILE or text on stdin";
  if (isatty(0)) throw new LlamaError("usage", "no prompt", { fix: `${fix}; llama-ts repl opens a dialogue` });
  const text = withoutNewline(await read());
  // An empty stdin is more often a job without a terminal than a wish; --prompt "" is the wish.
  if (text === "") throw new LlamaError("usage", "no prompt, and stdin is empty", { fix });
  return text;
}

/** Whether somebody may have text for us: a terminal, /dev/null and other devices have none. */
function isStdinPiped(): boolean {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isFile() || stdin.isSocket();
  } catch {
    return false;
  }
}

async function readStdin(signal: AbortSignal, quiet: boolean): Promise<string> {
  const remark = () =>
    printNote("Waiting for stdin to end; give --no_stdin, or < /dev/null, if nothing comes from there.");
  const timer = quiet ? undefined : setTimeout(remark, REMARK_AFTER_MS);
  try {
    return decodeUtf8(await readAll(process.stdin, "stdin", signal));
  } finally {
    clearTimeout(timer);
  }
}

/** Without the newline that echo, printf lines and here-documents end with. */
function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

export async function readAll(stream: Readable, where: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > MAX_PROMPT_BYTES) break;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const problem =
      code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder" : `cannot be read: ${message}`;
    throw new LlamaError("usage", problem, { where, cause: error });
  }
  if (length > MAX_PROMPT_BYTES) {
    throw new LlamaError("usage", `prompt of more than ${MAX_PROMPT_BYTES >> 20} MiB`, { where });
  }
  return Buffer.concat(chunks);
}
