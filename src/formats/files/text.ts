/** Decodes text that a user gives: UTF-8, without its byte order mark. Anything else is refused, with what it is and how to convert it. */
import { isUtf8 } from "node:buffer";
import { type ErrorKind, LlamaError } from "../../error.js";
import { firstInvalid } from "./utf8.js";

const BOM = [0xef, 0xbb, 0xbf];
/** Enough to recognise UTF-16 by its zero bytes. */
const HEAD_BYTES = 4096;
/** Of the characters of a text in UTF-16, more than this share are ASCII if its language uses Latin letters. */
const MANY = 0.4;

/** [first bytes as latin1, what the file is]: files that are given as text by mistake. */
const BINARY: readonly [string, string][] = [
  ["PK\u0003\u0004", "a zip archive, such as a .pth file of PyTorch or an office document"],
  ["\u0080\u0002", "a pickle, such as an old .pth file of PyTorch"],
  ["GGUF", "a GGUF file"],
  ["%PDF-", "a PDF document"],
  ["\u001f\u008b", "compressed by gzip"],
  ["\u0089PNG", "an image"],
  ["\u00ff\u00d8\u00ff", "an image"],
  ["\u007fELF", "a program"],
];
/** The start of a safetensors header, after its length of 8 bytes. */
const SAFETENSORS = '\0\0{"';

/**
 * The text of bytes in UTF-8, without a byte order mark at their beginning. Throws LlamaError that names `where` for UTF-16,
 * another encoding, and bytes that are not text.
 */
export function decodeText(bytes: Uint8Array, where: string, kind: ErrorKind = "usage"): string {
  const zero = bytes.indexOf(0);
  if (zero >= 0 || !isUtf8(bytes)) {
    refuseOtherKind(bytes, where, kind);
    if (zero >= 0) throw new LlamaError(kind, "is not text", { where, found: `a zero byte at offset ${zero}` });
    const offset = firstInvalid(bytes);
    const found = `the byte 0x${bytes[offset]!.toString(16).padStart(2, "0")} at offset ${offset}`;
    const fix = "Convert it, for example from Latin-1: iconv -f WINDOWS-1252 -t UTF-8";
    throw new LlamaError(kind, "is not UTF-8", { where, found, fix });
  }
  const hasMark = BOM.every((byte, i) => bytes[i] === byte);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8", hasMark ? BOM.length : 0);
}

/** Throws LlamaError if bytes that are not UTF-8 begin a file in UTF-16 or of a kind that is not text. */
export function refuseOtherKind(bytes: Uint8Array, where: string, kind: ErrorKind = "usage"): void {
  const wide = wideName(bytes);
  if (wide !== null) {
    throw new LlamaError(kind, `is ${wide}, not UTF-8`, { where, fix: `Convert it: iconv -f ${wide} -t UTF-8` });
  }
  const head = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  const isSafetensors = head.startsWith(SAFETENSORS, 6);
  const other = isSafetensors ? "a safetensors file" : BINARY.find(([start]) => head.startsWith(start))?.[1];
  if (other !== undefined) throw new LlamaError(kind, `is not text but ${other}`, { where });
}

/** UTF-16 or UTF-32 by its byte order mark, or UTF-16 by the zero bytes of its letters; null if it is neither. */
function wideName(bytes: Uint8Array): string | null {
  const mark = Buffer.from(bytes.subarray(0, 4)).toString("latin1");
  if (mark === "\xff\xfe\0\0" || mark === "\0\0\xfe\xff") return "UTF-32";
  if (mark.startsWith("\xff\xfe") || mark.startsWith("\xfe\xff")) return "UTF-16";
  const zeros: [even: number, odd: number] = [0, 0];
  const length = Math.min(bytes.length, HEAD_BYTES);
  for (let i = 0; i < length; i++) if (bytes[i] === 0) zeros[i & 1]!++;
  const isMany = (count: number) => count > 1 && count > (MANY * length) / 2;
  if (isMany(zeros[1]) && zeros[0] === 0) return "UTF-16LE";
  return isMany(zeros[0]) && zeros[1] === 0 ? "UTF-16BE" : null;
}
