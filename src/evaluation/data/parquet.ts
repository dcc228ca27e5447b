/** Reads parquet files by the library hyparquet, which is loaded when the first one is opened. */
import { LlamaError } from "../../error.js";
import type { Row } from "./row.js";

/** All rows; 64-bit integers become numbers. Throws LlamaError that names `file` for what cannot be read. */
export async function parquetRows(bytes: Uint8Array, file: string): Promise<Row[]> {
  const { parquetReadObjects } = await import("hyparquet");
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const source = { byteLength: buffer.byteLength, slice: (start: number, end?: number) => buffer.slice(start, end) };
  let rows: Row[];
  try {
    rows = await parquetReadObjects({ file: source });
  } catch (cause) {
    const message = (cause as Error).message.replaceAll(/[\s\p{C}]+/gu, " ");
    const isCodec = /compression codec/.test(message);
    throw new LlamaError("usage", "cannot be read as parquet", {
      where: file,
      found: message,
      fix: isCodec
        ? "Only files without compression or with Snappy are read: write it again with one of these"
        : "Copy it again",
      cause,
    });
  }
  return rows.map((row) => plain(row) as Row);
}

/** A value as JSON would have it. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>, plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
