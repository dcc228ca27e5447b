/** Rows whose labels are in a file of their own, one a line, as PIQA and SIQA are given. */
import { LlamaError } from "../../error.js";
import type { OriginalForm } from "../data/data-needs.js";
import { jsonLines } from "../data/json-rows.js";
import type { Split } from "../data/row.js";

/** `names`: what a split's files begin with: "valid" for valid.jsonl and valid-labels.lst. */
export function labelledLines(names: Partial<Record<Split, string>>): OriginalForm {
  const paths = Object.entries(names).map(([split, name]) => [split, [`${name}.jsonl`, `${name}-labels.lst`]]);
  return {
    isOwn: true,
    paths: Object.fromEntries(paths) as OriginalForm["paths"],
    rows(files) {
      const [lines, labels] = files.map(([file]) => file!);
      const rows = jsonLines(lines!.text, lines!.path);
      const values = labels!.text.split("\n").flatMap((line) => line.trim() || []);
      if (values.length !== rows.length) {
        const expected = `${rows.length}, one for each line of ${lines!.path}`;
        throw new LlamaError("usage", "wrong number of labels", {
          where: labels!.path,
          expected,
          found: String(values.length),
        });
      }
      return rows.map((row, i) => ({ ...row, label: values[i] }));
    },
  };
}
