/** Opens the input of requests, a file or stdin, and reads it line by line. Does not know what a line means. */
import { isUtf8 } from "node:buffer";
import { createReadStream, fstatSync, type ReadStream, type Stats, statSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty } from "node:tty";
import { LlamaError } from "../../error.js";
import { fileError } from "../../formats/files/file-error.js";
import { refuseOtherKind } from "../../formats/files/text.js";
import { type InputLine, readLines } from "./line-reader.js";

/** The longest line that is accepted; a longer one gets an error record. */
const MAX_LINE_BYTES = 16 << 20;
/** The byte order mark of UTF-8, as latin1. */
const BOM = /^\xef\xbb\xbf/;

export interface LineInput {
  /** Its name in messages. */
  name: string;
  /** null for a pipe. */
  bytes: number | null;
  lines: AsyncIterable<InputLine>;
}

/** `path` "-" or undefined means stdin; with undefined, stdin must not be a terminal or another device, such as /dev/null. */
export function openInput(path: string | undefined, signal: AbortSignal): LineInput {
  if (path === undefined || path === "-") {
    if (path === undefined && (isatty(0) || isDevice(0))) {
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

function isDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}

function statsOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw fileError(path, error, "usage");
  }
}

/** Yields lines that are not blank; a byte order mark counts as blank. */
async function* linesOf(stream: Readable, where: string, signal: AbortSignal): AsyncGenerator<InputLine> {
  try {
    for await (const line of readLines(addAbortSignal(signal, stream), MAX_LINE_BYTES)) {
      if (line.number === 1) checkKind(line, where);
      if (line.bytes === null || /\S/.test(line.bytes.toString("latin1").replace(BOM, ""))) yield line;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof LlamaError) throw error;
    throw fileError(where, error, "runtime");
  }
}

/** Throws LlamaError (usage) if the first line shows that the input is of another kind; other problems are those of the line. */
function checkKind({ bytes }: InputLine, where: string): void {
  if (bytes !== null && (bytes.includes(0) || !isUtf8(bytes))) refuseOtherKind(bytes, where);
}
