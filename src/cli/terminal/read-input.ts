/** Reads a whole text, from stdin or a file, with a limit. Does not know what it is for. */
import { addAbortSignal, type Readable } from "node:stream";
import { LlamaError } from "../../error.js";
import { fileError } from "../../formats/files/file-error.js";
import { decodeText } from "../../formats/files/text.js";

/** More than any context holds; the limit prevents a wrong pipe from filling the memory. */
const MAX_BYTES = 64 << 20;

/** Reads text in UTF-8 of at most 64 MiB. Throws LlamaError (usage), which names `where`, if it is larger, something else, or cannot be read. */
export async function readText(stream: Readable, where: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > MAX_BYTES) break;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw fileError(where, error, "usage");
  }
  if (length > MAX_BYTES) {
    throw new LlamaError("usage", `input of more than ${MAX_BYTES >> 20} MiB`, { where });
  }
  return decodeText(Buffer.concat(chunks), where);
}
