/** Opens a safetensors file and describes its tensors, without reading their numbers. Knows the header; does not know what the tensors are for. */
import { LlamaError } from "../../error.js";
import { type ByteSource, openFile, readBytes } from "../files/byte-source.js";
import { unexpectedKind } from "../files/file-kind.js";
import { isObject, showValue, showWord } from "../files/json-value.js";
import { quoted } from "../files/quoted.js";
import {
  ELEMENT_BYTES,
  type FloatType,
  isTensorName,
  type StoredTensor,
  type UnreadTensors,
} from "../tensor/stored-tensor.js";

/** Bytes of the header's length, a little-endian integer. */
const LENGTH_BYTES = 8;
/** A thousand tensors need about 130 kB. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** Enough to recognise what kind of file it is. */
const HEAD_BYTES = 64;
const DTYPES: ReadonlyMap<unknown, FloatType> = new Map([
  ["F16", "fp16"],
  ["BF16", "bf16"],
  ["F32", "fp32"],
  ["F64", "fp64"],
]);
/** The only key of the header that is not a tensor. */
const METADATA = "__metadata__";
const AGAIN = "The file is damaged: copy or download it again";

/**
 * All tensors of a file, in the order of their bytes; throws a LlamaError that says what is wrong with the file. Tensors of a
 * type that cannot be read are put into `unread`; without it they are an error.
 */
export function openSafetensors(path: string, unread?: UnreadTensors): StoredTensor[] {
  const source = openFile(path);
  try {
    const { header, dataStart } = readHeader(source);
    const entries = Object.entries(header)
      .filter(([name]) => name !== METADATA)
      .map(([name, value]) => readPlace(source, name, value, dataStart))
      .sort((a, b) => a.storage.offset - b.storage.offset || a.storage.byteLength - b.storage.byteLength);
    const tensors = entries.map((place) => readTensor(place, unread)).filter((entry) => entry !== null);
    checkGapless(source, entries, dataStart);
    return tensors;
  } finally {
    source.close();
  }
}

function readHeader(source: ByteSource): { header: object; dataStart: number } {
  const where = source.name;
  const head = readBytes(source, 0, Math.min(HEAD_BYTES, source.size));
  const length = head.length < LENGTH_BYTES ? 0 : Number(Buffer.from(head).readBigUInt64LE());
  // The header is a JSON object; its brace identifies the format, even if the length is wrong.
  if (head.length < LENGTH_BYTES || (head.length > LENGTH_BYTES && head[LENGTH_BYTES] !== 0x7b)) {
    throw unexpectedKind(source, head, "a safetensors file");
  }
  if (length > source.size - LENGTH_BYTES) {
    const expected = `a header of ${length} bytes`;
    const found = `${source.size - LENGTH_BYTES} bytes after its length`;
    throw new LlamaError("model", "ends within its header", { where, expected, found, fix: AGAIN });
  }
  if (length > MAX_HEADER_BYTES) {
    const [expected, found] = [`at most ${MAX_HEADER_BYTES} bytes`, String(length)];
    throw new LlamaError("model", "header is too long", { where, expected, found });
  }
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(readBytes(source, LENGTH_BYTES, length)).toString("utf8"));
  } catch (cause) {
    const found = quoted((cause as Error).message);
    throw new LlamaError("model", "header is not JSON", { where, found, fix: AGAIN, cause });
  }
  if (!isObject(header)) throw new LlamaError("model", "header is not a JSON object", { where, fix: AGAIN });
  return { header, dataStart: LENGTH_BYTES + length };
}

/** An entry of the header whose bytes are in the file. */
interface Place extends Pick<StoredTensor, "name" | "shape" | "storage"> {
  /** The type as the file has it. */
  type: unknown;
}

function readPlace(source: ByteSource, name: string, value: unknown, dataStart: number): Place {
  const where = `${source.name}: ${quoted(name)}`;
  const fail = (problem: string, expected: string, found: string): never => {
    throw new LlamaError("model", problem, { where, expected, found, fix: AGAIN });
  };
  if (!isTensorName(name)) fail("header has a key that is not a valid tensor name", "a printable name", quoted(name));
  if (!isObject(value)) return fail("has no description in the header", "an object", showValue(value));
  const { dtype: type, shape, data_offsets: range } = value;
  if (!isCounts(shape)) return fail("has no shape", "a list of sizes", showValue(shape));
  if (!isCounts(range) || range.length !== 2) return fail("has no data_offsets", "begin and end", showValue(range));
  const [begin, end] = range as [number, number];
  const dataBytes = source.size - dataStart;
  if (begin > end || end > dataBytes) {
    fail("tensor is outside the file", `a range within ${dataBytes} bytes`, `${begin} to ${end}`);
  }
  return { name, type, shape, storage: { file: source.name, offset: dataStart + begin, byteLength: end - begin } };
}

/** null if the type cannot be read and `unread` takes the error. */
function readTensor({ name, type, shape, storage }: Place, unread?: UnreadTensors): StoredTensor | null {
  const where = `${storage.file}: ${name}`;
  const dtype = DTYPES.get(type);
  if (dtype === undefined) {
    const [expected, found] = [[...DTYPES.keys()].join(", "), showWord(type)];
    const error = new LlamaError("model", "unsupported dtype", { where, expected, found });
    if (unread === undefined) throw error;
    unread.set(name, error);
    return null;
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements * ELEMENT_BYTES[dtype] !== storage.byteLength) {
    const expected = `${elements * ELEMENT_BYTES[dtype]} for [${shape.join(", ")}] of ${showWord(type)}`;
    const details = { where, expected, found: String(storage.byteLength), fix: AGAIN };
    throw new LlamaError("model", "number of bytes does not match the shape", details);
  }
  let stride = elements;
  const strides = shape.map((size) => {
    stride = size === 0 ? 0 : stride / size;
    return stride;
  });
  return { name, dtype, shape, strides, storageOffset: 0, storage };
}

/** The format allows neither overlaps nor unused bytes: either means that header and data do not belong together. */
function checkGapless(source: ByteSource, entries: readonly Place[], dataStart: number): void {
  let end = dataStart;
  for (const { name, storage } of entries) {
    if (storage.offset !== end) {
      const problem = storage.offset < end ? "overlaps the tensor before it" : "does not follow the tensor before it";
      const [expected, found] = [`offset ${end - dataStart}`, String(storage.offset - dataStart)];
      throw new LlamaError("model", problem, { where: `${source.name}: ${name}`, expected, found, fix: AGAIN });
    }
    end += storage.byteLength;
  }
  if (end === source.size) return;
  const [expected, found] = [`${end} bytes according to its header`, String(source.size)];
  throw new LlamaError("model", "is longer than its tensors", { where: source.name, expected, found, fix: AGAIN });
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
