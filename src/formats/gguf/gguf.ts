/** Opens a GGUF file: its metadata, and descriptions of its tensors, without reading their numbers. Does not know what they are for. */
import { LlamaError } from "../../error.js";
import { type ByteSource, openFile, readBytes } from "../files/byte-source.js";
import { unexpectedKind } from "../files/file-kind.js";
import type { StoredTensor } from "../tensor/stored-tensor.js";
import { GgufCursor } from "./gguf-cursor.js";
import { readTensors } from "./gguf-tensors.js";
import { type GgufValue, GgufValueReader } from "./gguf-values.js";

export interface GgufFile {
  path: string;
  version: number;
  /** By key, e.g. "general.architecture". */
  metadata: ReadonlyMap<string, GgufValue>;
  /** In the order of the header. */
  tensors: readonly StoredTensor[];
  /** GGUF's type by the name of each tensor whose numbers cannot be read. */
  unreadable: ReadonlyMap<string, string>;
}

const MAGIC = "GGUF";
/** Enough to recognise what kind of file it is. */
const HEAD_BYTES = 64;
/** A model has some 30 keys and at most a few thousand tensors. */
const MAX_KEYS = 65_536;
const MAX_TENSORS = 65_536;
const MAX_KEY_LENGTH = 256;
const DEFAULT_ALIGNMENT = 32;

/**
 * Reads the header of a file of version 2 or 3 (ggml, docs/gguf.md). Throws a LlamaError that says what is wrong with the
 * file. The numbers of the tensors are not read.
 */
export function readGguf(path: string): GgufFile {
  const source = openFile(path);
  try {
    const version = checkVersion(source);
    const cursor = new GgufCursor(source, "header");
    cursor.bytes(MAGIC.length + 4);
    const tensorCount = cursor.count("number of tensors", MAX_TENSORS);
    const keyCount = cursor.count("number of metadata keys", MAX_KEYS);
    const metadata = readMetadata(cursor, keyCount);
    const alignment = alignmentOf(cursor, metadata);
    return { path, version, metadata, ...readTensors(cursor, source, tensorCount, alignment) };
  } finally {
    source.close();
  }
}

/** Version 1 had 32-bit lengths; a file of the other byte order has its version in the other half of the number. */
function checkVersion(source: ByteSource): number {
  const head = readBytes(source, 0, Math.min(HEAD_BYTES, source.size));
  if (Buffer.from(head).toString("latin1", 0, 4) !== MAGIC) throw unexpectedKind(source, head, "a GGUF file");
  if (head.length < 8) {
    const fix = "The download did not finish: download it again";
    throw new LlamaError("model", "ends within its header", { where: source.name, fix });
  }
  const version = Buffer.from(head).readUInt32LE(4);
  if (version === 2 || version === 3) return version;
  const isBigEndian = version !== 0 && (version & 0xffff) === 0;
  throw new LlamaError("model", isBigEndian ? "is a big-endian GGUF file" : "has an unsupported version of GGUF", {
    where: source.name,
    expected: isBigEndian ? "little-endian numbers" : "version 2 or 3",
    found: isBigEndian ? "big-endian ones" : `version ${version}`,
    fix:
      version === 1
        ? "Download or convert the model again: current tools write version 3"
        : isBigEndian
          ? "Download the little-endian file of the model"
          : "The file needs a newer llama-ts, or is damaged",
  });
}

function readMetadata(cursor: GgufCursor, count: number): Map<string, GgufValue> {
  const values = new GgufValueReader(cursor);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    cursor.subject = `metadata key ${i + 1} of ${count}`;
    const key = cursor.name("key", (text) => /^[!-~]+$/.test(text) && text.length <= MAX_KEY_LENGTH);
    cursor.subject = key;
    if (metadata.has(key)) throw cursor.error("key occurs twice", "every key once", key);
    metadata.set(key, values.read());
  }
  return metadata;
}

function alignmentOf(cursor: GgufCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const key = "general.alignment";
  const value = metadata.get(key) ?? DEFAULT_ALIGNMENT;
  if (typeof value === "number" && Number.isInteger(Math.log2(value)) && value >= 1 && value <= 2 ** 31) return value;
  cursor.subject = key;
  throw cursor.error("is not an alignment", "a power of two", typeof value === "number" ? String(value) : typeof value);
}
