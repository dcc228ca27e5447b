/** Questions without a text to look them up in: NaturalQuestions and TriviaQA. */
import { ALIASES, TEXT, TEXTS } from "../data/columns.js";
import { exactMatch, type MatchRules, paperMatch, without } from "../metrics/exact-match.js";
import { fromTriviaQa } from "../originals/questions.js";
import { strip } from "../python/text.js";
import { type AnswerDefinition, answerTask } from "../tasks/answer-task.js";
import type { Doc, PaperFigure, PaperValues, Task } from "../tasks/task.js";

const UNTIL = ["\n", ".", ","];

/** The paper gives figures for several numbers of examples. */
const figures = (table: number, byShots: Record<number, PaperValues>): PaperFigure[] =>
  Object.entries(byShots).map(([shots, values]) => ({
    metric: "exact_match_paper,remove_whitespace",
    values,
    shots: Number(shots),
    setting: `table ${table}, exact match`,
  }));

interface Definition extends Omit<AnswerDefinition, "until" | "filters" | "generationKwargs" | "own" | "target"> {
  target(doc: Doc): readonly string[];
}

/** Greedy, cut at the first line break, dot or comma, compared with every answer. */
const question = (definition: Definition, rules: MatchRules): Task =>
  answerTask({
    ...definition,
    until: UNTIL,
    generationKwargs: { until: UNTIL, do_sample: false, temperature: 0.0 },
    filters: [
      {
        name: "remove_whitespace",
        apply: ([text]) => strip(text!),
        metrics: {
          exact_match: (answer, doc) => exactMatch(answer, definition.target(doc), rules),
          exact_match_paper: (answer, doc) => paperMatch(answer, definition.target(doc)),
        },
      },
    ],
    own: ["exact_match_paper"],
  });

/** \b(?:The |the |An |A |The |a |an ) of Python, whose \b knows all letters. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:The |the |An |A |a |an )/gu;

const NQ_OPEN = question(
  {
    name: "nq_open",
    version: 4,
    title: "NaturalQuestions, open: questions of a search engine",
    source: "google-research-datasets/nq_open",
    licence: "CC BY-SA 3.0",
    data: {
      folders: ["nq_open"],
      configs: ["nq_open"],
      columns: { question: TEXT, answer: TEXTS },
      files: { train: ["NQ-open.train.jsonl"], validation: ["NQ-open.dev.jsonl"] },
    },
    split: "validation",
    examples: { from: "train" },
    excludesDocument: true,
    description: "Answer these questions:\n\n",
    fewshotDelimiter: "\n",
    text: ({ question }) => `Q: ${question}?\nA:`,
    target: ({ answer }) => answer as string[],
    paper: figures(4, {
      0: [16.8, 20.1, 24.9, 23.8],
      1: [18.7, 23.4, 28.3, 31.0],
      5: [22.0, 28.1, 32.9, 35.0],
      64: [26.1, 31.9, 36.0, 39.9],
    }),
  },
  { deletions: [without(ARTICLES)], ignoresCase: true, ignoresPunctuation: true },
);

const files = (split: string) => [`wikipedia-${split}.json`, `qa/wikipedia-${split}.json`];

const TRIVIAQA = question(
  {
    name: "triviaqa",
    version: 3,
    title: "TriviaQA: quiz questions",
    source: "mandarjoshi/trivia_qa",
    licence: "unknown",
    data: {
      folders: ["triviaqa"],
      downloads: ["trivia_qa"],
      configs: ["rc.nocontext"],
      columns: { question: TEXT, answer: ALIASES },
      files: { train: files("train"), validation: files("dev") },
      adapt: fromTriviaQa,
    },
    split: "validation",
    examples: { from: "train" },
    excludesDocument: true,
    text: ({ question }) => `Question: ${question}?\nAnswer:`,
    target: ({ answer }) => (answer as { aliases: string[] }).aliases,
    paper: figures(5, {
      0: [50.0, 56.6, 65.1, 68.2],
      1: [53.4, 60.5, 67.9, 71.6],
      5: [56.3, 63.1, 69.9, 72.6],
      64: [57.6, 64.0, 70.4, 73.0],
    }),
  },
  { ignoresCase: true, ignoresPunctuation: true },
);

export const CLOSED_BOOK: readonly Task[] = [NQ_OPEN, TRIVIAQA];
