/** RACE as its makers give it: a folder of texts, each a JSON object of an article with its questions. */
import { LlamaError } from "../../error.js";
import { isObject } from "../../formats/files/json-value.js";
import type { OriginalFile, OriginalForm } from "../data/data-needs.js";
import { parse } from "../data/json-rows.js";
import type { Row } from "../data/row.js";
import { pythonStr } from "../python/repr.js";

/** `level`: "high" or "middle". A file is a row whose problems are Python's text of a list, as on the hub. */
export function raceFolder(level: string): OriginalForm {
  const folder = (split: string) => [`RACE/${split}/${level}/`];
  return {
    paths: { train: folder("train"), validation: folder("dev"), test: folder("test") },
    rows: ([files]) => files!.map(articleRow),
  };
}

const EXPECTED = 'an object with the text "article" and the lists "questions", "options" and "answers", of one length';

function articleRow({ path, text }: OriginalFile): Row {
  const value = parse(text, path);
  const { article, questions, options, answers } = isObject(value) ? value : {};
  const lists = [questions, options, answers];
  const length = Array.isArray(questions) ? questions.length : -1;
  if (typeof article !== "string" || lists.some((list) => !Array.isArray(list) || list.length !== length)) {
    throw new LlamaError("usage", "is no article of RACE", { where: path, expected: EXPECTED });
  }
  const problems = (questions as unknown[]).map((question, i) => ({
    question,
    answer: (answers as unknown[])[i],
    options: (options as unknown[])[i],
  }));
  return { article, problems: pythonStr(problems) };
}
