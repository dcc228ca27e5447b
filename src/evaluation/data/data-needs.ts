/** What data a task needs: its columns, its splits, and where files of it are looked for. Does not read files. */
import type { Columns } from "./columns.js";
import type { Row, Split } from "./row.js";

export interface DataNeeds {
  /** Names of the task's folder below the data folder, its own name first: DIR/NAME/SPLIT.jsonl. */
  folders: readonly string[];
  /** Names of the folder with its files in a download from the hub: CONFIG/SPLIT-00000-of-00001.parquet. */
  configs: readonly string[];
  /** What the task reads of a row. */
  columns: Columns;
  /** Files in the form of their makers. */
  originals?: readonly OriginalForm[];
}

export interface OriginalFile {
  /** As it is named in messages. */
  path: string;
  text: string;
}

/** Data in the form of its makers, and how it becomes rows with Hugging Face's columns. */
export interface OriginalForm {
  /** For each split, the files that belong together, below the data folder or the task's; a path that ends in "/" means all files in a folder. */
  paths: Partial<Record<Split, readonly string[]>>;
  /** `files`: one list for each path. Throws LlamaError for a file of another form. */
  rows(files: readonly (readonly OriginalFile[])[], split: Split): Row[];
}
