/** Splits a stream of bytes into lines, with bounded memory for lines of any length. */

/** A line without its line end. */
export interface InputLine {
  /** Counted from 1. */
  number: number;
  /** null if the line is longer than the limit. */
  bytes: Buffer | null;
  /** Length of the line in bytes, without its line end. */
  length: number;
  /** Offset in the input after this line, in bytes. */
  end: number;
  /** True if the line ends with \n. */
  isEnded: boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Yields lines that end with \n or \r\n; the last one need not. Lines longer than `maxBytes` have `bytes` null. */
export async function* readLines(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<InputLine> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 1;
  let end = 0;
  const add = (piece: Uint8Array) => {
    length += piece.length;
    if (length <= maxBytes + 1) parts.push(piece);
    else parts = [];
  };
  const line = (isEnded: boolean): InputLine => {
    let bytes = length <= maxBytes + 1 ? Buffer.concat(parts) : null;
    if (bytes?.at(-1) === RETURN) bytes = bytes.subarray(0, -1);
    if (bytes && bytes.length > maxBytes) bytes = null;
    const result = { number: number++, bytes, length: bytes?.length ?? length, end, isEnded };
    parts = [];
    length = 0;
    return result;
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, at));
      end += at + 1 - start;
      start = at + 1;
      yield line(true);
    }
    add(chunk.subarray(start));
    end += chunk.length - start;
  }
  if (length > 0) yield line(false);
}
