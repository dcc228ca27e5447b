/** MATH: problems of mathematics competitions, whose answers are compared as texts. */
import { type ColumnType, TEXT } from "../data/columns.js";
import type { Row } from "../data/row.js";
import { boxedAnswer, dollarAnswer, sameMathAnswer } from "../metrics/math-answer.js";
import { answerTask } from "../tasks/answer-task.js";
import type { PaperFigure, Task } from "../tasks/task.js";

/** Ends of the tasks' names, and the subjects as the data name them. */
const SUBJECTS: readonly (readonly [name: string, config: string])[] = [
  ["algebra", "algebra"],
  ["counting_and_prob", "counting_and_probability"],
  ["geometry", "geometry"],
  ["intermediate_algebra", "intermediate_algebra"],
  ["num_theory", "number_theory"],
  ["prealgebra", "prealgebra"],
  ["precalc", "precalculus"],
];

const SOLUTION: ColumnType = {
  expected: "a text with \\boxed{ANSWER}",
  fits: (value) => typeof value === "string" && boxedAnswer(value) !== null,
};
const withAnswer = (row: Row): Row => ({ ...row, answer: boxedAnswer(row.solution as string)! });

const math = (name: string, config: string): Task => {
  const until = ["Problem:"];
  return answerTask({
    name: `hendrycks_math_${name}`,
    version: 1,
    title: `MATH: ${config.replaceAll("_", " ")}`,
    source: "EleutherAI/hendrycks_math",
    licence: "MIT",
    data: {
      folders: [`hendrycks_math_${name}`],
      downloads: ["hendrycks_math"],
      configs: [config],
      columns: { problem: TEXT, solution: SOLUTION },
    },
    split: "test",
    examples: { from: "train" },
    excludesDocument: false,
    documents: (rows) => rows.map(withAnswer),
    text: ({ problem }) => `Problem: ${problem}\nAnswer:`,
    target: ({ answer }) => answer as string,
    until,
    generationKwargs: { until, do_sample: false, temperature: 0 },
    filters: [
      {
        name: "none",
        apply: ([text]) => text!,
        metrics: { exact_match: (text, { answer }) => sameMathAnswer(dollarAnswer(text), answer as string) },
      },
    ],
  });
};

export const MATH: readonly Task[] = SUBJECTS.map(([name, config]) => math(name, config));

/** Table 7; the paper does not say how many examples it has. */
export const MATH_FIGURE: PaperFigure = {
  metric: "exact_match,none",
  values: [2.9, 3.9, 7.1, 10.6],
  shots: null,
  setting: "table 7, greedy",
};
