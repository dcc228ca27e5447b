/** Where the prompt comes from: the command line, stdin or a file. Knows bytes and text; not tokens. */
import { createReadStream } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty } from "node:tty";
import { LlamaError } from "../error.js";
import { decodeUtf8 } from "../formats/utf8.js";
import type { GenerateFlags } from "./flags.js";

/** No context holds more; keeps a wrong pipe from filling the memory. */
const MAX_PROMPT_BYTES = 64 << 20;

/** With --prompt, stdin is left alone: where it is not a terminal it may never end (CI). */
export async function readPrompt(
  flags: Pick<GenerateFlags, "prompt" | "prompt_file">,
  signal: AbortSignal,
): Promise<string> {
  const { prompt, prompt_file } = flags;
  if (prompt_file !== undefined) {
    return decodeUtf8(await readAll(createReadStream(prompt_file), `--prompt_file ${prompt_file}`, signal));
  }
  if (prompt === "-") return readStdin(signal);
  if (prompt !== undefined) return prompt;
  const fix = "Give --prompt TEXT, --prompt_file FILE or text on stdin";
  if (isatty(0)) throw new LlamaError("usage", "no prompt", { fix: `${fix} (a later version opens a dialogue here)` });
  const text = await readStdin(signal);
  // An empty stdin is more often a job without a terminal than a wish; --prompt "" is the wish.
  if (text === "") throw new LlamaError("usage", "no prompt, and stdin is empty", { fix });
  return text;
}

/** Without the newline that echo, printf lines and here-documents end with. */
async function readStdin(signal: AbortSignal): Promise<string> {
  return decodeUtf8(await readAll(process.stdin, "stdin", signal)).replace(/\r?\n$/, "");
}

async function readAll(stream: Readable, where: string, signal: AbortSignal): Promise<Uint8Array> {
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
