/** Rows of ARC, OpenBookQA, BoolQ, TruthfulQA and TriviaQA in the forms of their makers, as Hugging Face has them. */
import { isObject } from "../../formats/files/json-value.js";
import type { Row } from "../data/row.js";

/** AI2's {question: {stem, choices: [{text, label}]}, answerKey}; `name`: the column of the question. */
export function fromStem(row: Row, name: "question" | "question_stem"): Row {
  const { question, ...rest } = row;
  if (!isObject(question) || !Array.isArray(question.choices)) return row;
  const choices = question.choices as { text: unknown; label: unknown }[];
  const columns = { text: choices.map((choice) => choice?.text), label: choices.map((choice) => choice?.label) };
  return { ...rest, [name]: question.stem, choices: columns };
}

/** Google's BoolQ lacks the title before the passage, which SuperGLUE's has. */
export function fromBoolq(row: Row): Row {
  if ("label" in row || !("title" in row)) return row;
  return { question: row.question, passage: `${row.title} -- ${row.passage}`, label: row.answer };
}

/** mc_task.json of TruthfulQA has {choice: 0 or 1}. */
export function fromChoiceLabels(row: Row): Row {
  const lists = (value: unknown) =>
    isObject(value) && !("choices" in value) ? { choices: Object.keys(value), labels: Object.values(value) } : value;
  return { ...row, mc1_targets: lists(row.mc1_targets), mc2_targets: lists(row.mc2_targets) };
}

/** TriviaQA's own files have {Question, QuestionId, Answer: {Value, Aliases}}. */
export function fromTriviaQa(row: Row): Row {
  if (!("Question" in row) || !isObject(row.Answer)) return row;
  const { Value, Aliases } = row.Answer;
  return { question: row.Question, question_id: row.QuestionId, answer: { value: Value, aliases: Aliases } };
}
