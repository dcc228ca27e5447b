/** MBPP as its makers give it: one file, whose splits are ranges of task_id. */
import { integer } from "../data/columns.js";
import type { OriginalForm } from "../data/data-needs.js";
import { jsonLines } from "../data/json-rows.js";
import type { Split } from "../data/row.js";

/** From the README of the data: first and last id. */
const RANGES: Partial<Record<Split, readonly [number, number]>> = {
  test: [11, 510],
  validation: [511, 600],
  train: [601, 974],
};

export function mbppFile(name: string): OriginalForm {
  return {
    paths: { test: [name], validation: [name], train: [name] },
    rows: ([files], split) => {
      const [first, last] = RANGES[split]!;
      return jsonLines(files![0]!.text, files![0]!.path).filter(({ task_id }) => {
        const id = integer(task_id);
        return id !== null && id >= first && id <= last;
      });
    },
  };
}
