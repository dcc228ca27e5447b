/** MMLU as its makers give it: a table without a head for each subject: question, four choices, letter. */
import { LlamaError } from "../../error.js";
import { readCsv } from "../data/csv.js";
import type { OriginalForm } from "../data/data-needs.js";

const LETTERS = ["A", "B", "C", "D"];

export function mmluTable(subject: string): OriginalForm {
  const places = (split: string) => [`${split}/${subject}_${split}.csv`];
  return {
    paths: { dev: places("dev"), validation: places("val"), test: places("test") },
    rows: ([files]) => {
      const { path, text } = files![0]!;
      return readCsv(text, ",", path).map(({ fields: [question, ...fields], line }) => {
        const answer = LETTERS.indexOf(fields[4] ?? "");
        if (fields.length !== 5 || answer < 0) {
          const expected = "a question, four choices and the letter of the right one";
          const found = `${fields.length + 1} fields that end with ${JSON.stringify(fields.at(-1) ?? "")}`;
          throw new LlamaError("usage", "is no question of MMLU", { where: `${path}, line ${line}`, expected, found });
        }
        return { question, subject, choices: fields.slice(0, 4), answer };
      });
    },
  };
}
