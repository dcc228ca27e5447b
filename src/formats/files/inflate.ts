/** Decompresses raw deflate, to no more bytes than were declared. Does not know the archive around it. */
import { inflateRawSync } from "node:zlib";
import { LlamaError } from "../../error.js";

/** Deflate compresses at most 1032 to 1 (zlib technical notes), so a declared size above that is false. */
const MAX_RATIO = 1032;

/** True when a deflate stream of `deflatedLength` bytes can hold `length` bytes. */
export function canInflateTo(deflatedLength: number, length: number): boolean {
  return length <= deflatedLength * MAX_RATIO;
}

/** Inflates to exactly `length` bytes; throws a LlamaError that names `where` if the stream is broken or has another length. */
export function inflate(deflated: Uint8Array, length: number, where: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(deflated, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw new LlamaError("model", "compressed data is corrupt", {
      where,
      expected: `a deflate stream of ${length} bytes`,
      found: (cause as Error).message,
      fix: "Copy or download the file again",
      cause,
    });
  }
  if (bytes.byteLength !== length) {
    throw new LlamaError("model", "compressed data is corrupt", {
      where,
      expected: `${length} bytes`,
      found: String(bytes.byteLength),
      fix: "Copy or download the file again",
    });
  }
  return bytes;
}
