/** Opens the input of requests, a file or stdin, and reads it line by line. Does not know what a line means. */
import { createReadStream, type ReadStream, type Stats, statSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty } from "node:tty";
import { LlamaError } from "../../error.js";
import { fileError } from "../../formats/files/file-error.js";
import { type InputLine, readLines } from "./line-reader.js";

/** The longest line that is accepted; a longer one gets an error record. */
const MAX_LINE_BYTES = 16 << 20;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

export interface LineInput {
  /** Its name in messages. */
  name: string;
  /** null for a pipe. */
  bytes: number | null;
  lines: AsyncIterable<InputLine>;
}

/** `path` "-" or undefined means stdin; with undefined, stdin must not be a terminal. */
export function openInput(path: string | undefined, signal: AbortSignal): LineInput {
  if (path === undefined || path === "-") {
    if (path === undefined && isatty(0)) {
      const fix = "Give a file with one JSON object per line, or pipe it to stdin";
      throw new LlamaError("usage", "no requests", { fix });
    }
    return { name: "stdin", bytes: null, lines: linesOf(process.stdin, "stdin", signal) };
  }
  const stats = statsOf(path);
  if (stats.isDirectory()) throw new LlamaError("usage", "is a folder", { where: path });
  const stream: ReadStream = createReadStream(path);
  return { name: path, bytes: stats.isFile() ? stats.size : null, lines: linesOf(stream, path, signal) };
}

function statsOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw fileError(path, error, "usage");
  }
}

/** Yields lines that are not blank, without a byte order mark before the first. */
async function* linesOf(stream: Readable, where: string, signal: AbortSignal): AsyncGenerator<InputLine> {
  try {
    for await (const line of readLines(addAbortSignal(signal, stream), MAX_LINE_BYTES)) {
      if (line.number === 1) checkEncoding(line, where);
      if (line.bytes === null || /\S/.test(line.bytes.toString("latin1"))) yield line;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof LlamaError) throw error;
    throw fileError(where, error, "runtime");
  }
}

function checkEncoding(line: InputLine, where: string): void {
  const { bytes } = line;
  if (bytes === null) return;
  if (bytes.subarray(0, 3).equals(BOM)) line.bytes = bytes.subarray(3);
  else if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new LlamaError("usage", "is UTF-16", { where, fix: "Write it as UTF-8" });
  }
}
