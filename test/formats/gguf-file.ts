/** Writes small GGUF files, valid or not, for the tests. */

/** Numbers of the types of metadata values. */
export const GGUF_TYPE = {
  ...{ uint8: 0, int8: 1, uint16: 2, int16: 3, uint32: 4, int32: 5, float32: 6, bool: 7, text: 8, array: 9 },
  ...{ uint64: 10, int64: 11, float64: 12 },
} as const;
export type GgufTypeName = keyof typeof GGUF_TYPE;

/** A value with its type; an array has the type of its elements. */
export interface TypedValue {
  type: GgufTypeName;
  value: unknown;
}

/** Numbers of the types of tensors. */
export const TENSOR_TYPE = {
  ...{ F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7, Q8_0: 8, Q2_K: 10, Q3_K: 11, Q4_K: 12, Q5_K: 13 },
  ...{ Q6_K: 14, IQ2_XXS: 16, IQ4_NL: 20, I32: 26, F64: 28, BF16: 30, TQ1_0: 34, MXFP4: 39 },
} as const;

export interface GgufTensor {
  name: string;
  type: keyof typeof TENSOR_TYPE | number;
  /** [rows, columns], as in numpy. */
  shape: readonly number[];
  data: Uint8Array;
  /** From the start of the data; the next free one if absent. */
  offset?: number;
}

export interface GgufParts {
  magic?: string;
  version?: number;
  tensorCount?: number | bigint;
  keyCount?: number | bigint;
  alignment?: number;
}

/** The bytes of a file. Values without a type: text, true or false, whole numbers as uint32, others as float32, lists of these. */
export function ggufBytes(
  metadata: Iterable<readonly [string, unknown]>,
  tensors: readonly GgufTensor[],
  { magic = "GGUF", version = 3, tensorCount = tensors.length, keyCount, alignment = 32 }: GgufParts = {},
): Buffer {
  const pairs = [...metadata];
  const data: Buffer[] = [];
  let offset = 0;
  const headers = tensors.map(({ name, type, shape, data: bytes, offset: given }) => {
    const padded = Buffer.alloc(Math.ceil(bytes.length / alignment) * alignment);
    padded.set(bytes);
    data.push(padded);
    const at = given ?? offset;
    offset += padded.length;
    const number = typeof type === "number" ? type : TENSOR_TYPE[type];
    return Buffer.concat([
      ggufText(name),
      scalar("uint32", shape.length),
      ...[...shape].reverse().map((size) => scalar("uint64", size)),
      scalar("uint32", number),
      scalar("uint64", at),
    ]);
  });
  const header = Buffer.concat([
    Buffer.from(magic, "latin1"),
    scalar("uint32", version),
    scalar("uint64", tensorCount),
    scalar("uint64", keyCount ?? pairs.length),
    ...pairs.map(([key, value]) => Buffer.concat([ggufText(key), ggufValue(value)])),
    ...headers,
  ]);
  const padding = Buffer.alloc((alignment - (header.length % alignment)) % alignment);
  return Buffer.concat([header, padding, ...data]);
}

/** A length and UTF-8. */
export function ggufText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([scalar("uint64", bytes.length), bytes]);
}

/** A type and a value of it. */
export function ggufValue(value: unknown): Buffer {
  if (!isTyped(value)) return ggufValue({ type: typeOf(value), value });
  if (!Array.isArray(value.value)) return Buffer.concat([scalar("uint32", GGUF_TYPE[value.type]), body(value)]);
  const elements = value.value.map((element) => {
    return Array.isArray(element) ? ggufValue(element).subarray(4) : body({ type: value.type, value: element });
  });
  const type = Array.isArray(value.value[0]) ? GGUF_TYPE.array : GGUF_TYPE[value.type];
  const head = [scalar("uint32", GGUF_TYPE.array), scalar("uint32", type), scalar("uint64", elements.length)];
  return Buffer.concat([...head, ...elements]);
}

function isTyped(value: unknown): value is TypedValue {
  return typeof value === "object" && value !== null && "type" in value;
}

function typeOf(value: unknown): GgufTypeName {
  if (Array.isArray(value)) return value.length === 0 ? "uint32" : typeOf(value[0]);
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int64";
  return Number.isInteger(value) ? ((value as number) < 0 ? "int32" : "uint32") : "float32";
}

function body({ type, value }: TypedValue): Buffer {
  return type === "text" ? ggufText(value as string) : scalar(type, value as number | bigint | boolean);
}

function scalar(type: GgufTypeName, value: number | bigint | boolean): Buffer {
  const view = new DataView(new ArrayBuffer(8));
  const number = Number(value);
  const writers: Partial<Record<GgufTypeName, [number, () => void]>> = {
    uint8: [1, () => view.setUint8(0, number)],
    int8: [1, () => view.setInt8(0, number)],
    bool: [1, () => view.setUint8(0, number)],
    uint16: [2, () => view.setUint16(0, number, true)],
    int16: [2, () => view.setInt16(0, number, true)],
    uint32: [4, () => view.setUint32(0, number, true)],
    int32: [4, () => view.setInt32(0, number, true)],
    float32: [4, () => view.setFloat32(0, number, true)],
    float64: [8, () => view.setFloat64(0, number, true)],
    uint64: [8, () => view.setBigUint64(0, BigInt(value), true)],
    int64: [8, () => view.setBigInt64(0, BigInt(value), true)],
  };
  const [length, write] = writers[type]!;
  write();
  return Buffer.from(view.buffer, 0, length);
}
