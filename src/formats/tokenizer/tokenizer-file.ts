/** Reads the bytes of a tokenizer's file, up to a limit, and recognises its format by its content. Does not parse it. */
import { LlamaError } from "../../error.js";
import { openFile, readAll, readBytes } from "../files/byte-source.js";
import { decodeUtf8 } from "../files/utf8.js";

/** The largest published tokenizers in these formats have about 5 MB. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Enough to recognise what kind of file it is. */
const HEAD_BYTES = 1024;
/** The first line of a tiktoken file: base64 and rank. */
const TIKTOKEN = /^[A-Za-z0-9+/]+={0,2}[ \t]+\d+\s*(\n|$)/;

export type TokenizerKind = "sentencepiece" | "tiktoken" | "json" | "gguf";

/** A tokenizer's file, read once; every reader and library works on these bytes. */
export interface TokenizerFile {
  path: string;
  kind: TokenizerKind;
  /** None of a GGUF file, which is mostly weights. */
  bytes: Uint8Array;
}

/** Reads a tokenizer's file; throws a LlamaError if it is recognised as something else. */
export function readTokenizerFile(path: string): TokenizerFile {
  const bytes = readUnlessGguf(path);
  if (bytes === null) return { path, kind: "gguf", bytes: new Uint8Array() };
  if (bytes.byteLength === 0) {
    throw new LlamaError("model", "is empty", { where: path, fix: "Copy or download the file again" });
  }
  const start = decodeUtf8(bytes.subarray(0, HEAD_BYTES)).replace(/^\uFEFF/, "");
  if (/^\s*<(!doctype|html|head|\?xml)/i.test(start)) throw notATokenizer(path, "an HTML page");
  if (start.startsWith("version https://git-lfs")) {
    throw notATokenizer(path, "a Git LFS pointer", 'Run "git lfs pull" or download the file itself');
  }
  if (/^\s*[{[]\s*["{}[\]]/.test(start)) return { path, kind: "json", bytes };
  return { path, kind: TIKTOKEN.test(start) ? "tiktoken" : "sentencepiece", bytes };
}

/** Null for a GGUF file, which is larger than the limit. */
function readUnlessGguf(path: string): Uint8Array | null {
  const source = openFile(path);
  try {
    const magic = Buffer.from(readBytes(source, 0, Math.min(4, source.size))).toString("latin1");
    return magic === "GGUF" ? null : readAll(source, MAX_BYTES, "a tokenizer");
  } finally {
    source.close();
  }
}

function notATokenizer(path: string, found: string, fix = "Download the file itself"): LlamaError {
  return new LlamaError("model", "is neither a SentencePiece nor a tiktoken model", { where: path, found, fix });
}
