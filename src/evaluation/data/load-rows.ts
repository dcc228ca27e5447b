/** Reads the rows of a task's split from its files, with their checksums. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { LlamaError } from "../../error.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { decodeText } from "../../formats/files/text.js";
import { checkColumns } from "./columns.js";
import { csvRows } from "./csv.js";
import type { DataNeeds } from "./data-needs.js";
import { findFiles, noFiles } from "./find-files.js";
import { jsonLines, jsonRows } from "./json-rows.js";
import { parquetRows } from "./parquet.js";
import type { Row, Split } from "./row.js";

/** A file that was read. */
export interface DataFile {
  path: string;
  split: Split;
  sha256: string;
  /** Of all files of the split together, if they were read together. */
  rows: number;
}

export interface LoadedRows {
  rows: Row[];
  files: DataFile[];
}

/** A text of more than 2^29 - 24 characters does not fit JavaScript's. */
const MAX_BYTES = 500 * 1024 * 1024;

/**
 * The rows of a split below `folder`, checked. `task` is for messages. Throws LlamaError (usage) if no file is there, a file
 * cannot be read, or a row lacks a column.
 */
export async function loadRows(folder: string, task: string, needs: DataNeeds, split: Split): Promise<LoadedRows> {
  const found = findFiles(folder, needs, split);
  if (found === null) throw noFiles(folder, task, needs, split);
  const files: DataFile[] = [];
  const read = (path: string): Uint8Array => {
    const bytes = readBytes(path);
    files.push({ path, split, sha256: createHash("sha256").update(bytes).digest("hex"), rows: 0 });
    return bytes;
  };
  const rows: Row[] = [];
  const add = (some: readonly Row[], place: string) => {
    for (const row of checkRows(some, needs, place)) rows.push(row);
  };
  if (found.form === "rows") {
    for (const path of found.paths) {
      const some = await rowsOf(path, read(path));
      add(needs.adapt ? some.map(needs.adapt) : some, path);
      files.at(-1)!.rows = some.length;
    }
  } else {
    const texts = found.paths.map((paths) => paths.map((path) => ({ path, text: decodeText(read(path), path) })));
    const [first, ...others] = files.map(({ path }) => path);
    add(found.form.rows(texts, split), others.length === 0 ? first! : `${first} and the files beside it`);
    for (const file of files) file.rows = rows.length;
  }
  if (rows.length === 0)
    throw new LlamaError("usage", "has no rows", { where: files.map(({ path }) => path).join(", ") });
  return { rows, files };
}

function checkRows(rows: readonly Row[], needs: DataNeeds, file: string): Row[] {
  const checked = checkColumns(rows, needs.columns, file);
  checked.forEach((row, i) => {
    const problem = needs.check?.(row);
    if (problem) throw new LlamaError("usage", "bad row", { where: `${file}, row ${i + 1}`, ...problem });
  });
  return checked;
}

function readBytes(path: string): Uint8Array {
  try {
    return readWhole(path, MAX_BYTES, "a data file");
  } catch (error) {
    // The reader of model files names another kind.
    if (error instanceof LlamaError) throw new LlamaError("usage", error.message, { cause: error });
    throw error;
  }
}

function unzipped(path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw new LlamaError("usage", "cannot be decompressed", { where: path, found: (cause as Error).message, cause });
  }
}

async function rowsOf(path: string, bytes: Uint8Array): Promise<Row[]> {
  if (path.endsWith(".gz")) return rowsOf(path.slice(0, -".gz".length), unzipped(path, bytes));
  const extension = path.slice(path.lastIndexOf(".") + 1);
  if (extension === "parquet") return parquetRows(bytes, path);
  const text = decodeText(bytes, path);
  if (extension === "jsonl") return jsonLines(text, path);
  if (extension === "json") return jsonRows(text, path);
  return csvRows(text, extension === "csv" ? "," : "\t", path);
}
