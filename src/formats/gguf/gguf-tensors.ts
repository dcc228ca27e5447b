/** Reads the descriptions of the tensors in a GGUF header, and checks that they fit the file. Reads none of their numbers. */
import { LlamaError } from "../../error.js";
import type { ByteSource } from "../files/byte-source.js";
import { BLOCK_SIZES, byteLength, isBlockType, isTensorName, type StoredTensor } from "../tensor/stored-tensor.js";
import type { GgufCursor } from "./gguf-cursor.js";
import { ggmlType, ggmlTypeName } from "./gguf-types.js";

/** ggml.h, GGML_MAX_DIMS */
const MAX_AXES = 4;
const AGAIN = "The file is damaged or its download did not finish: copy or download it again";

interface TensorHeader {
  name: string;
  /** Number of its type. */
  type: number;
  /** Sizes from the slowest axis to the fastest; the file has the reverse order. */
  shape: number[];
  /** From the start of the data. */
  offset: number;
}

/** Reads `count` descriptions at the cursor; the data follows them, aligned. Throws a LlamaError. */
export function readTensors(
  cursor: GgufCursor,
  source: ByteSource,
  count: number,
  alignment: number,
): { tensors: StoredTensor[]; unreadable: Map<string, string> } {
  const headers: TensorHeader[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    cursor.subject = `tensor ${i + 1} of ${count}`;
    const header = readHeader(cursor, source.size);
    if (names.has(header.name)) throw cursor.error("tensor occurs twice", "every name once", header.name);
    if (header.offset % alignment !== 0) {
      throw cursor.error("offset is not aligned", `a multiple of ${alignment}`, String(header.offset));
    }
    names.add(header.name);
    headers.push(header);
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const unreadable = new Map<string, string>();
  const tensors: StoredTensor[] = [];
  for (const header of headers) {
    if (ggmlType(header.type) === undefined) unreadable.set(header.name, ggmlTypeName(header.type));
    else tensors.push(describe(source, header, dataStart));
  }
  checkOverlaps(source, tensors);
  return { tensors, unreadable };
}

function readHeader(cursor: GgufCursor, fileSize: number): TensorHeader {
  const name = cursor.name("tensor name", isTensorName);
  cursor.subject = name;
  const axes = cursor.uint32();
  if (axes > MAX_AXES) throw cursor.error("tensor has too many axes", `at most ${MAX_AXES}`, String(axes));
  // A type has at least one bit per number.
  const sizes = Array.from({ length: axes }, () => cursor.count("size of an axis", fileSize * 8));
  const type = cursor.uint32();
  const offset = cursor.count("offset of a tensor", fileSize);
  return { name, type, shape: sizes.reverse(), offset };
}

function describe(source: ByteSource, { name, type, shape, offset }: TensorHeader, dataStart: number): StoredTensor {
  const dtype = ggmlType(type)!;
  const where = `${source.name}: ${name}`;
  const found = `[${shape.join(", ")}]`;
  const block = isBlockType(dtype) ? BLOCK_SIZES[dtype].numbers : 1;
  const width = shape.at(-1) ?? 1;
  if (width % block !== 0) {
    const expected = `rows of a multiple of ${block} numbers`;
    throw new LlamaError("model", `rows are no whole blocks of ${dtype}`, { where, expected, found, fix: AGAIN });
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const length = byteLength(dtype, elements);
  const begin = dataStart + offset;
  if (begin + length > source.size) {
    throw new LlamaError("model", "tensor is outside the file", {
      where,
      expected: `${length} bytes at offset ${begin} for ${found} of ${ggmlTypeName(type)}`,
      found: `${source.size} bytes in total`,
      fix: AGAIN,
    });
  }
  let stride = elements;
  const strides = shape.map((size) => {
    stride = size === 0 ? 0 : stride / size;
    return stride;
  });
  const storage = { file: source.name, offset: begin, byteLength: length };
  return { name, dtype, shape, strides, storageOffset: 0, storage };
}

/** Two tensors never share bytes: if they do, the header is wrong. */
function checkOverlaps(source: ByteSource, tensors: readonly StoredTensor[]): void {
  const sorted = [...tensors].sort((a, b) => a.storage.offset - b.storage.offset);
  let last: StoredTensor | undefined;
  for (const tensor of sorted) {
    if (tensor.storage.byteLength === 0) continue;
    const end = last === undefined ? 0 : last.storage.offset + last.storage.byteLength;
    if (tensor.storage.offset < end) {
      throw new LlamaError("model", `overlaps ${last!.name}`, {
        where: `${source.name}: ${tensor.name}`,
        expected: `offset ${end} or more`,
        found: String(tensor.storage.offset),
        fix: AGAIN,
      });
    }
    last = tensor;
  }
}
