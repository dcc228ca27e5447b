/** The tasks of common sense and science questions: ARC, BoolQ, OpenBookQA, PIQA and SIQA, as lm-evaluation-harness 0.4.13 defines them. */

import { strip } from "../../tokenizer/encoding/python-whitespace.js";
import { CHOICES, INTEGER, integer, TEXT } from "../data/columns.js";
import { ACCURACY, choiceTask, OWN_ACCURACY } from "./choice-task.js";
import type { Doc, Task } from "./task.js";

interface Choices {
  text: string[];
  label: string[];
}

const choices = (doc: Doc) => (doc.choices as Choices).text;
const letterIndex = (doc: Doc) => (doc.choices as Choices).label.indexOf((doc.answerKey as string).trimStart());
const BOTH = { acc: ACCURACY, acc_norm: ACCURACY };

const arc = (name: string, config: string, title: string, values: readonly [number, number, number, number]): Task =>
  choiceTask({
    name,
    version: 1,
    title,
    source: "allenai/ai2_arc",
    licence: "CC BY-SA 4.0",
    data: {
      folders: [name, "ai2_arc", "arc"],
      configs: [config],
      columns: { question: TEXT, choices: CHOICES, answerKey: TEXT },
    },
    split: "test",
    examples: { from: "train" },
    excludesDocument: false,
    text: ({ question }) => `Question: ${question}\nAnswer:`,
    choices,
    gold: (doc) => (doc.choices as Choices).label.indexOf(doc.answerKey as string),
    metrics: BOTH,
    paper: [{ metric: "acc_norm,none", values, shots: 0, setting: "table 3, by characters" }],
  });

export const COMMON_SENSE: readonly Task[] = [
  arc("arc_easy", "ARC-Easy", "ARC, easy set", [72.8, 74.8, 80.0, 78.9]),
  arc("arc_challenge", "ARC-Challenge", "ARC, challenge set", [47.6, 52.7, 57.8, 56.0]),
];
void [INTEGER, integer, strip, letterIndex, OWN_ACCURACY];
