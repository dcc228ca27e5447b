/** Reads tasks of the user: a JSON file with the texts, choices and right answers as templates. Reads no data. */
import { dirname, resolve } from "node:path";
import { LlamaError } from "../../error.js";
import { asObject, readJsonObject } from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { quoted } from "../../formats/files/quoted.js";
import { type ColumnType, integer } from "../data/columns.js";
import type { Row, Split } from "../data/row.js";
import { exactMatch } from "../metrics/exact-match.js";
import { extract } from "../metrics/filters.js";
import { strip } from "../python/text.js";
import { answerTask } from "./answer-task.js";
import { ACCURACY, choiceTask } from "./choice-task.js";
import type { Doc, Task } from "./task.js";
import { readTemplate } from "./template.js";
import { textTask } from "./text-task.js";

const SPLITS: readonly Split[] = ["train", "validation", "test", "dev"];
const ANY: ColumnType = { expected: "a value", fits: (value) => value !== null && value !== undefined };
const COMMON = [
  ...["task", "title", "output_type", "data", "split", "fewshot_split", "num_fewshot", "description"],
  ...["target_delimiter", "fewshot_delimiter", "text", "metrics"],
];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  multiple_choice: [...COMMON, "choices", "gold"],
  loglikelihood_rolling: ["task", "title", "output_type", "data", "split", "text"],
  generate_until: [...COMMON, "target", "until", "max_gen_toks", "filter"],
};

type Filter = (text: string) => string;
/** What is compared with the right answer. */
const FILTERS: Readonly<Record<string, Filter>> = {
  none: (text) => text,
  strip,
  number: (text) => extract(text, /(-?[$0-9.,]{2,})|(-?[0-9]+)/g, "last"),
};
const RULES = { exact_match: {}, exact_match_loose: { ignoresCase: true, ignoresPunctuation: true } };

/** The task in a file. Throws LlamaError (usage) that names the key. */
export function readUserTask(file: string): Task {
  const raw = usage(() => readJsonObject(file, "Name a JSON file that describes a task"));
  const output = oneOf(raw, "output_type", Object.keys(KEYS), file);
  const unknown = Object.keys(raw).find((key) => !KEYS[output]!.includes(key));
  if (unknown !== undefined) throw bad(file, unknown, KEYS[output]!.join(", "), `the key ${quoted(unknown)}`);
  if (output === "loglikelihood_rolling") return userTexts(raw, file);
  return output === "multiple_choice" ? userChoices(raw, file) : userAnswers(raw, file);
}

type Raw = Record<string, unknown>;

function identity(raw: Raw, file: string, columns: readonly string[]) {
  const name = text(raw, "task", file);
  return {
    name,
    version: 0,
    title: text(raw, "title", file, name),
    source: file,
    licence: "the user's",
    data: {
      folders: [name],
      columns: Object.fromEntries(columns.map((column) => [column, ANY])),
      paths: dataPaths(raw.data, file),
    },
    split: oneOf(raw, "split", SPLITS, file, "test"),
  };
}

function common(raw: Raw, file: string, columns: readonly string[]) {
  const known = identity(raw, file, columns);
  const { split } = known;
  const from = oneOf(raw, "fewshot_split", SPLITS, file, split);
  return {
    ...known,
    examples: { from },
    excludesDocument: from === split,
    defaultShots: count(raw, "num_fewshot", file, 0),
    description: text(raw, "description", file, ""),
    targetDelimiter: text(raw, "target_delimiter", file, " "),
    fewshotDelimiter: text(raw, "fewshot_delimiter", file, "\n\n"),
  };
}

function userChoices(raw: Raw, file: string): Task {
  const body = readTemplate(text(raw, "text", file), `${file}, text`);
  const gold = readTemplate(text(raw, "gold", file), `${file}, gold`);
  const sources = Array.isArray(raw.choices) ? raw.choices : [raw.choices];
  if (sources.length === 0 || !sources.every((one) => typeof one === "string")) {
    throw bad(file, "choices", "a list of texts, or {{column}} of one that has lists", showValue(raw.choices));
  }
  const templates = sources.map((one) => readTemplate(one, `${file}, choices`));
  const choicesOf = (doc: Doc): string[] => {
    if (Array.isArray(raw.choices)) return templates.map((one) => one.text(doc));
    const value = templates[0]!.value(doc);
    if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) return value;
    throw new LlamaError("usage", "bad choices", { expected: "a list of texts", found: showValue(value) });
  };
  const goldOf = (doc: Doc): number => {
    const value = gold.value(doc);
    const index = typeof value === "string" ? choicesOf(doc).indexOf(value) : -1;
    const found = index >= 0 ? index : integer(value);
    if (found !== null && choicesOf(doc)[found] !== undefined) return found;
    const expected = "the index of a choice from 0, or its text";
    throw new LlamaError("usage", "bad gold", { expected, found: showValue(value) });
  };
  const names = list(raw, "metrics", ["acc", "acc_norm"], file, ["acc"]);
  return choiceTask({
    ...common(
      raw,
      file,
      [body, gold, ...templates].flatMap(({ columns }) => columns),
    ),
    documents: (rows) => checkedRows(rows, file, [body.text, choicesOf, goldOf]),
    text: body.text,
    choices: choicesOf,
    gold: goldOf,
    metrics: Object.fromEntries(names.map((name) => [name, ACCURACY])),
  });
}

function userAnswers(raw: Raw, file: string): Task {
  const body = readTemplate(text(raw, "text", file), `${file}, text`);
  const target = readTemplate(text(raw, "target", file), `${file}, target`);
  const targetOf = (doc: Doc): string | string[] => {
    const value = target.value(doc);
    if (typeof value === "string" || typeof value === "number") return String(value);
    if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) return value;
    throw new LlamaError("usage", "bad target", { expected: "a text or a list of texts", found: showValue(value) });
  };
  const filter = oneOf(raw, "filter", Object.keys(FILTERS), file, "strip");
  const names = list(raw, "metrics", Object.keys(RULES), file, ["exact_match"]) as (keyof typeof RULES)[];
  const until = raw.until === undefined ? ["\n"] : texts(raw.until, "until", file);
  const maxGenToks = count(raw, "max_gen_toks", file, 256);
  const isRight = (rules: (typeof RULES)[keyof typeof RULES]) => (answer: string, doc: Doc) =>
    exactMatch(answer, [targetOf(doc)].flat(), rules);
  return answerTask({
    ...common(raw, file, [...body.columns, ...target.columns]),
    documents: (rows) => checkedRows(rows, file, [body.text, targetOf]),
    text: body.text,
    target: targetOf,
    until,
    maxGenToks,
    generationKwargs: { until, do_sample: false, max_gen_toks: maxGenToks },
    filters: [
      {
        name: filter,
        apply: ([answer]) => FILTERS[filter]!(answer!),
        metrics: Object.fromEntries(names.map((name) => [name, isRight(RULES[name])])),
      },
    ],
  });
}

function userTexts(raw: Raw, file: string): Task {
  const body = readTemplate(text(raw, "text", file), `${file}, text`);
  return textTask({
    ...identity(raw, file, body.columns),
    documents: (rows) => checkedRows(rows, file, [body.text]),
    text: body.text,
    counted: body.text,
  });
}

/** The rows, after every template has been tried on each. */
function checkedRows(rows: readonly Row[], file: string, uses: readonly ((doc: Doc) => unknown)[]): Doc[] {
  rows.forEach((row, i) => {
    try {
      for (const use of uses) use(row);
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      throw new LlamaError("usage", error.message, { where: `${file}, row ${i + 1} of the data` });
    }
  });
  return [...rows];
}

function dataPaths(value: unknown, file: string): Partial<Record<Split, string>> {
  const entries = value === undefined ? [] : Object.entries(usage(() => asObject(value, `${file}, data`)));
  return Object.fromEntries(
    entries.map(([split, path]) => {
      if (!SPLITS.includes(split as Split)) throw bad(file, "data", `the splits ${SPLITS.join(", ")}`, quoted(split));
      if (typeof path !== "string") throw bad(file, `data.${split}`, "a path", showValue(path));
      return [split, resolve(dirname(file), path)];
    }),
  );
}

function bad(file: string, key: string, expected: string, found: string): LlamaError {
  return new LlamaError("usage", `bad ${quoted(key)}`, { where: file, expected, found });
}

/** The reader of model files names another kind. */
function usage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof LlamaError) throw new LlamaError("usage", error.message, { cause: error });
    throw error;
  }
}

function text(raw: Raw, key: string, file: string, fallback?: string): string {
  const value = raw[key] ?? fallback;
  if (typeof value === "string") return value;
  throw bad(file, key, "a text", value === undefined ? "no value" : showValue(value));
}

function texts(value: unknown, key: string, file: string): string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === "string" && one !== "")) return value as string[];
  throw bad(file, key, "a list of texts", showValue(value));
}

function oneOf<T extends string>(raw: Raw, key: string, values: readonly T[], file: string, fallback?: T): T {
  const value = raw[key] ?? fallback;
  if (values.includes(value as T)) return value as T;
  throw bad(file, key, values.join(", "), value === undefined ? "no value" : showValue(value));
}

function list(raw: Raw, key: string, values: readonly string[], file: string, fallback: string[]): string[] {
  const names = raw[key] === undefined ? fallback : texts(raw[key], key, file);
  const other = names.find((name) => !values.includes(name));
  if (other === undefined && names.length > 0) return names;
  throw bad(file, key, values.join(", "), other === undefined ? "an empty list" : quoted(other));
}

function count(raw: Raw, key: string, file: string, fallback: number): number {
  const value = raw[key] ?? fallback;
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 100_000) return value as number;
  throw bad(file, key, "an integer from 0", showValue(value));
}
