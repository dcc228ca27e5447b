/** What data a task needs: its columns, its splits, and where files of it are looked for. Does not read files. */
import type { Columns } from "./columns.js";
import type { Row, Split } from "./row.js";

export interface RowProblem {
  expected: string;
  found: string;
}

export interface DataNeeds {
  /** Names of the task's folder below the data folder, its own name first: DIR/NAME/SPLIT.jsonl. */
  folders: readonly string[];
  /** Names of the folder that a download from the hub makes, where it also has data of other tasks. */
  downloads?: readonly string[];
  /** The data set's id on Hugging Face, for a cache of huggingface_hub. */
  hub?: string;
  /** Names of the folder with the task's files in a download: CONFIG/SPLIT-00000-of-00001.parquet. Default: only "data". */
  configs?: readonly string[];
  /** Files that were named by the user; no other is looked for. */
  paths?: Partial<Record<Split, string>>;
  /** What the task reads of a row. */
  columns: Columns;
  /** What is wrong with a row whose columns have the right types; null for a good row. */
  check?(row: Row): RowProblem | null;
  /** Other names of files with the same columns, or with those that `adapt` knows; in a folder as above, or in the data folder itself. */
  files?: Partial<Record<Split, readonly string[]>>;
  /** Names of that kind which are only looked for in a folder of the task, as other tasks have files of the same name. */
  ownFiles?: Partial<Record<Split, readonly string[]>>;
  /** A row in the form of its makers as Hugging Face has it; other rows as they are. */
  adapt?(row: Row): Row;
  /** Data in several files that belong together, or in files that are no tables. */
  originals?: readonly OriginalForm[];
}

export interface OriginalFile {
  /** As it is named in messages. */
  path: string;
  text: string;
}

export interface OriginalForm {
  /** The files that belong together; one that ends in "/" is a folder whose files are all read. */
  paths: Partial<Record<Split, readonly string[]>>;
  /** Whether the names are so plain that they are only looked for in a folder of the task. */
  isOwn?: boolean;
  /** `files`: the files of each path. Throws LlamaError for a file of another form. */
  rows(files: readonly (readonly OriginalFile[])[], split: Split): Row[];
}
