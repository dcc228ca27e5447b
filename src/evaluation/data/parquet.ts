/** Reads parquet files by the library hyparquet, which is loaded when the first one is opened. */
import { LlamaError } from "../../error.js";
import { checkParquet } from "./parquet-check.js";
import type { Row } from "./row.js";

/** All rows; 64-bit integers become numbers. Throws LlamaError that names `file` for what cannot be read. */
export async function parquetRows(bytes: Uint8Array, file: string): Promise<Row[]> {
  const { parquetMetadata, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const { deserializeTCompactProtocol } = await import("hyparquet/src/thrift.js");
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const source = { byteLength: buffer.byteLength, slice: (start: number, end?: number) => buffer.slice(start, end) };
  try {
    const metadata = parquetMetadata(buffer);
    checkParquet(metadata, parquetSchema(metadata), buffer, deserializeTCompactProtocol);
    const rows = await parquetReadObjects({ file: source, metadata });
    if (rows.length !== Number(metadata.num_rows)) throw new Error(`${rows.length} of ${metadata.num_rows} rows`);
    return rows.map((row) => plain(row) as Row);
  } catch (cause) {
    // The library reads fields that a damaged header lacks.
    const isDamage = cause instanceof TypeError || cause instanceof RangeError;
    const found = isDamage ? "damaged headers" : (cause as Error).message.replaceAll(/[\s\p{C}]+/gu, " ");
    const isCodec = found.startsWith("compression codec");
    throw new LlamaError("usage", "cannot be read as parquet", {
      where: file,
      found,
      fix: isCodec ? "Write it again without compression or with Snappy, or as JSON lines" : "Copy it again",
      cause,
    });
  }
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
