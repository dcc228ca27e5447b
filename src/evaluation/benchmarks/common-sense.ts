/** The paper's tasks of common sense: ARC, BoolQ, HellaSwag, OpenBookQA, PIQA, SIQA and WinoGrande. */
import { showValue } from "../../formats/files/json-value.js";
import { CHOICES, type ColumnType, INTEGER, integer, TEXT, TEXTS } from "../data/columns.js";
import { labelledLines } from "../originals/label-file.js";
import { fromBoolq, fromStem } from "../originals/questions.js";
import { capitalize, strip, stripStart } from "../python/text.js";
import { ACCURACY, choiceTask, OWN_ACCURACY } from "../tasks/choice-task.js";
import type { Doc, PaperFigure, PaperValues, Task } from "../tasks/task.js";

interface Choices {
  text: string[];
  label: string[];
}

const choices = (doc: Doc) => (doc.choices as Choices).text;
const keyIndex = (doc: Doc) => (doc.choices as Choices).label.indexOf(stripStart(doc.answerKey as string));
/** Data without published answers have another answerKey. */
const checkKey = (doc: Doc) =>
  keyIndex(doc) >= 0
    ? null
    : { expected: `an answerKey of ${(doc.choices as Choices).label.join(", ")}`, found: showValue(doc.answerKey) };
const label = (doc: Doc) => integer(doc.label)!;
const BOTH = { acc: ACCURACY, acc_norm: ACCURACY };

/** Table 3 of the paper. */
const figure = (metric: string, way: string, values: PaperValues): PaperFigure[] => [
  { metric: `${metric},none`, values, shots: 0, setting: `table 3, ${way}` },
];

const arc = (name: string, config: string, set: string, values: PaperValues): Task => {
  const names = (split: string) => {
    const file = `${config}-${split}.jsonl`;
    return [file, `${config}/${file}`, `ARC-V1-Feb2018-2/${config}/${file}`];
  };
  return choiceTask({
    name,
    version: 1,
    title: `ARC, ${set} set: science questions`,
    source: "allenai/ai2_arc",
    licence: "CC BY-SA 4.0",
    data: {
      folders: [name],
      downloads: ["ai2_arc", "arc"],
      configs: [config],
      columns: { question: TEXT, choices: CHOICES, answerKey: TEXT },
      files: { train: names("Train"), validation: names("Dev"), test: names("Test") },
      adapt: (row) => fromStem(row, "question"),
      check: checkKey,
    },
    split: "test",
    examples: { from: "train" },
    excludesDocument: false,
    text: ({ question }) => `Question: ${question}\nAnswer:`,
    choices,
    gold: keyIndex,
    metrics: BOTH,
    paper: figure("acc_norm", "by characters", values),
  });
};

const BOOLQ = choiceTask({
  name: "boolq",
  version: 2,
  title: "BoolQ: yes or no questions about a passage",
  source: "aps/super_glue",
  licence: "CC BY-SA 3.0",
  data: {
    folders: ["boolq", "BoolQ"],
    downloads: ["super_glue"],
    configs: ["boolq"],
    columns: { passage: TEXT, question: TEXT, label: INTEGER },
    ownFiles: { validation: ["val.jsonl", "dev.jsonl"] },
    adapt: fromBoolq,
  },
  split: "validation",
  examples: { from: "train" },
  excludesDocument: true,
  text: ({ passage, question }) => `${passage}\nQuestion: ${question}?\nAnswer:`,
  choices: () => ["no", "yes"],
  gold: label,
  metrics: { acc: ACCURACY, acc_answer: OWN_ACCURACY },
  paper: figure("acc_answer", 'after "Answer:"', [76.5, 78.1, 83.1, 85.3]),
});

const PIQA = choiceTask({
  name: "piqa",
  version: 1,
  title: "PIQA: which way leads to a goal",
  source: "baber/piqa",
  licence: "AFL 3.0",
  data: {
    folders: ["piqa"],
    configs: ["plain_text"],
    columns: { goal: TEXT, sol1: TEXT, sol2: TEXT, label: INTEGER },
    originals: [labelledLines({ train: "train", validation: "valid" })],
  },
  split: "validation",
  examples: { from: "train" },
  excludesDocument: true,
  text: ({ goal }) => `Question: ${goal}\nAnswer:`,
  choices: ({ sol1, sol2 }) => [sol1, sol2] as string[],
  gold: label,
  metrics: BOTH,
  paper: figure("acc_norm", "by characters", [79.8, 80.1, 82.3, 82.8]),
});

const SOCIAL_IQA = choiceTask({
  name: "social_iqa",
  version: 0,
  title: "SIQA: what people feel, want and do next",
  source: "lighteval/siqa",
  licence: "CC BY 4.0",
  data: {
    folders: ["social_iqa", "siqa", "socialiqa-train-dev"],
    columns: { context: TEXT, question: TEXT, answerA: TEXT, answerB: TEXT, answerC: TEXT, label: INTEGER },
    originals: [labelledLines({ train: "train", validation: "dev" })],
  },
  split: "validation",
  examples: { from: "train" },
  excludesDocument: true,
  text: ({ context, question }) => `Q: ${context} ${question}\nA:`,
  choices: ({ answerA, answerB, answerC }) => [answerA, answerB, answerC] as string[],
  gold: (doc) => label(doc) - 1,
  metrics: { acc: ACCURACY, acc_norm: OWN_ACCURACY },
  paper: figure("acc_norm", "by characters", [48.9, 50.4, 50.4, 52.3]),
});

/** What marks the steps of WikiHow in the data. */
function withoutBrackets(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let open = text.indexOf("["); open >= 0; ) {
    const close = text.indexOf("]", open);
    if (close < 0) break;
    const lineEnd = text.lastIndexOf("\n", close);
    if (lineEnd > open) {
      open = text.indexOf("[", lineEnd);
      continue;
    }
    parts.push(text.slice(from, open));
    from = close + 1;
    open = text.indexOf("[", from);
  }
  return parts.join("") + text.slice(from);
}

function clean(text: string): string {
  return withoutBrackets(strip(text).replaceAll(" [title]", ". ")).replaceAll("  ", " ");
}

const HELLASWAG = choiceTask({
  name: "hellaswag",
  version: 1,
  title: "HellaSwag: how an everyday scene continues",
  source: "Rowan/hellaswag",
  licence: "MIT",
  data: {
    folders: ["hellaswag"],
    configs: ["default"],
    columns: { activity_label: TEXT, ctx_a: TEXT, ctx_b: TEXT, endings: TEXTS, label: INTEGER },
    files: { train: ["hellaswag_train.jsonl"], validation: ["hellaswag_val.jsonl"] },
  },
  split: "validation",
  examples: { from: "train" },
  excludesDocument: true,
  documents: (rows) =>
    rows.map((row) => ({
      ...row,
      query: clean(`${row.activity_label}: ${row.ctx_a} ${capitalize(row.ctx_b as string)}`),
      choices: (row.endings as string[]).map(clean),
      gold: label(row),
    })),
  text: ({ query }) => query as string,
  choices: (doc) => doc.choices as string[],
  gold: label,
  metrics: BOTH,
  paper: figure("acc_norm", "by characters", [76.1, 79.2, 82.8, 84.2]),
});

const OPENBOOKQA = choiceTask({
  name: "openbookqa",
  version: 1,
  title: "OpenBookQA: elementary science, without the book",
  source: "allenai/openbookqa",
  licence: "Apache-2.0",
  data: {
    folders: ["openbookqa"],
    downloads: ["OpenBookQA-V1-Sep2018/Data/Main"],
    configs: ["main"],
    columns: { question_stem: TEXT, choices: CHOICES, answerKey: TEXT },
    ownFiles: { train: ["train.jsonl"], validation: ["dev.jsonl"], test: ["test.jsonl"] },
    adapt: (row) => fromStem(row, "question_stem"),
    check: checkKey,
  },
  split: "test",
  examples: { from: "train" },
  excludesDocument: false,
  text: ({ question_stem }) => question_stem as string,
  choices,
  gold: keyIndex,
  metrics: { ...BOTH, acc_answer: OWN_ACCURACY },
  paper: figure("acc_answer", 'after "Answer:"', [57.2, 56.4, 58.6, 60.2]),
});

const BLANK = "_";
const BLANK_TEXT: ColumnType = {
  expected: `a text with "${BLANK}"`,
  fits: (value) => typeof value === "string" && value.includes(BLANK),
};
const beforeBlank = ({ sentence }: Doc) => (sentence as string).slice(0, (sentence as string).indexOf(BLANK));
const afterBlank = ({ sentence }: Doc) => strip((sentence as string).slice((sentence as string).indexOf(BLANK) + 1));

/** Partial scoring (Trinh and Le 2018): the choices end the contexts, and the rest of the sentence follows both. */
function winogrande(): Task {
  const contexts = (doc: Doc) => [doc.option1, doc.option2].map((option) => beforeBlank(doc) + option);
  const task = choiceTask({
    name: "winogrande",
    version: 1,
    title: "WinoGrande: whom or what a sentence means",
    source: "allenai/winogrande",
    licence: "CC BY",
    data: {
      folders: ["winogrande"],
      configs: ["winogrande_xl"],
      columns: { sentence: BLANK_TEXT, option1: TEXT, option2: TEXT, answer: INTEGER },
      ownFiles: { train: ["train_xl.jsonl"], validation: ["dev.jsonl"] },
    },
    split: "validation",
    examples: { from: "train" },
    excludesDocument: true,
    text: beforeBlank,
    choices: contexts,
    gold: (doc) => integer(doc.answer)! - 1,
    paper: figure("acc", "as here", [70.1, 73.0, 76.0, 77.0]),
  });
  return {
    ...task,
    exampleText: (doc) => task.exampleAnswer(doc)!,
    exampleAnswer: (doc) => afterBlank(doc) || null,
    target: afterBlank,
    requests: (doc, prefix) =>
      contexts(doc).map((context) => ({
        kind: "loglikelihood",
        context: prefix + context,
        continuation: ` ${afterBlank(doc)}`,
      })),
  };
}

export const COMMON_SENSE: readonly Task[] = [
  BOOLQ,
  PIQA,
  SOCIAL_IQA,
  HELLASWAG,
  winogrande(),
  arc("arc_easy", "ARC-Easy", "easy", [72.8, 74.8, 80.0, 78.9]),
  arc("arc_challenge", "ARC-Challenge", "challenge", [47.6, 52.7, 57.8, 56.0]),
  OPENBOOKQA,
];
