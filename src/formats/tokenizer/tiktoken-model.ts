/** Reads a tiktoken tokenizer.model (Llama 3): lines of base64 and rank. Knows the bytes of each token; does not know how text is encoded. */
import { LlamaError } from "../../error.js";
import { quoted } from "../files/quoted.js";
import type { TokenizerFile } from "./tokenizer-file.js";

/** Llama 3 has 128,000. */
const MAX_TOKENS = 1_000_000;
/** In bytes; Llama 3's longest line is that of a token of 128 spaces. */
const MAX_LINE = 2048;
const LINE = /^(\S+)[ \t]+(\d+)\s*$/;

export interface TiktokenModel {
  /** The bytes of each token, one character a byte (latin1); the index is both rank and id. */
  readonly tokens: readonly string[];
}

/** Reads and checks a file: every rank from 0 once and in order, no token twice, a token for every single byte. */
export function readTiktokenModel({ path, kind, bytes }: TokenizerFile): TiktokenModel {
  if (kind !== "tiktoken")
    fail(path, "is not a tiktoken file", "lines of base64 and rank", "no such line at the start");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1").trimEnd();
  const tokens: string[] = [];
  const seen = new Set<string>();
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const where = `${path}: line ${tokens.length + 1}`;
    if (end - start > MAX_LINE) fail(where, "is too long", `at most ${MAX_LINE} bytes`, String(end - start));
    const line = text.slice(start, end);
    const [, base64 = "", rank] = LINE.exec(line) ?? [];
    const token = Buffer.from(base64, "base64");
    // Node decodes leniently: encoding again must give the same text.
    if (rank === undefined || token.toString("base64") !== base64) {
      fail(where, "is not base64 and a rank", "a line like IQ== 0", quoted(line.trim()));
    }
    if (rank !== String(tokens.length))
      fail(where, "ranks are not 0, 1, 2 and so on", String(tokens.length), quoted(rank));
    if (tokens.length === MAX_TOKENS) fail(where, "has too many tokens", `at most ${MAX_TOKENS}`, "more");
    const value = token.toString("latin1");
    if (seen.has(value)) fail(where, "token occurs twice", "each token once", quoted(value));
    seen.add(value);
    tokens.push(value);
    start = end + 1;
  }
  for (let byte = 0; byte < 256; byte++) {
    // Otherwise some text could not be encoded.
    const hex = `0x${byte.toString(16).padStart(2, "0")}`;
    if (!seen.has(String.fromCharCode(byte))) fail(path, "has no token for a byte", "all 256", `none for ${hex}`);
  }
  return { tokens };
}

function fail(where: string, problem: string, expected: string, found: string): never {
  const fix = "The file is damaged: copy or download it again";
  throw new LlamaError("model", problem, { where, expected, found, fix });
}
