/** Checks what a parquet file claims before it is read: offsets, sizes and numbers of values. Reads headers only (parquet.thrift of Apache Parquet). */
import type { ColumnChunk, FileMetaData, SchemaTree } from "hyparquet";

/** Of all columns together, as each takes eight bytes; a few bytes of a file can claim any number. */
const MAX_VALUES = 40_000_000;
const MAX_BYTES = 2 ** 30;
const CODECS = ["UNCOMPRESSED", "SNAPPY"];

/** A struct of Thrift's compact protocol, by field number. */
type Struct = Readonly<Record<`field_${number}`, unknown>>;
type ReadStruct = (reader: { view: DataView; offset: number }) => Struct;

interface Totals {
  values: number;
  bytes: number;
}

/** Throws Error that says what is wrong. `bytes`: the whole file. */
export function checkParquet(
  metadata: FileMetaData,
  schema: SchemaTree,
  bytes: ArrayBuffer,
  readStruct: ReadStruct,
): void {
  const totals: Totals = { values: 0, bytes: 0 };
  let rows = 0;
  for (const group of metadata.row_groups) {
    rows += Number(group.num_rows);
    for (const chunk of group.columns) checkChunk(chunk, schema, bytes, readStruct, totals);
  }
  if (rows !== Number(metadata.num_rows) || rows > MAX_VALUES) throw new Error(`${metadata.num_rows} rows`);
}

function checkChunk(
  { meta_data: chunk }: ColumnChunk,
  schema: SchemaTree,
  bytes: ArrayBuffer,
  readStruct: ReadStruct,
  totals: Totals,
): void {
  if (!chunk) throw new Error("a column without a description");
  if (!CODECS.includes(chunk.codec)) throw new Error(`compression codec ${chunk.codec}`);
  let node: SchemaTree | undefined = schema;
  for (const name of chunk.path_in_schema) node = node?.children.find(({ element }) => element.name === name);
  if (!node || node === schema) throw new Error("a column that is not in the schema");
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const end = start + Number(chunk.total_compressed_size);
  if (!(start >= 0 && end >= start && end <= bytes.byteLength)) throw new Error(`a column at ${start} to ${end}`);
  const reader = { view: new DataView(bytes, start, end - start), offset: 0 };
  while (reader.offset < reader.view.byteLength) {
    const { field_2: size, field_3: stored, ...header } = readStruct(reader);
    const counts = [header.field_5, header.field_7, header.field_8].map(
      (one) => (one as Struct | undefined)?.field_1 ?? 0,
    );
    for (const [amount, key] of [...counts.map((one) => [one, "values"]), [size, "bytes"]] as [
      number,
      keyof Totals,
    ][]) {
      if (!Number.isSafeInteger(amount) || amount < 0) throw new Error(`a page of ${amount} ${key}`);
      totals[key] += amount;
    }
    if (totals.values > MAX_VALUES || totals.bytes > MAX_BYTES) throw new Error("more data than can be read at once");
    if (!Number.isSafeInteger(stored) || (stored as number) < 0) throw new Error(`a page of ${stored} bytes`);
    reader.offset += stored as number;
  }
  if (reader.offset !== reader.view.byteLength) throw new Error("a page that ends after its column");
}
