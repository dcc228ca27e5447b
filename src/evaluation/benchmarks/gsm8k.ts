/** GSM8K: arithmetic of grade school in words, with answers written as text or reasoned step by step. */
import { TEXT } from "../data/columns.js";
import { exactMatch, type MatchRules, without, withoutBefore } from "../metrics/exact-match.js";
import { extract, majority } from "../metrics/filters.js";
import { strip } from "../python/text.js";
import { type AnswerFilter, answerTask, type Sampling } from "../tasks/answer-task.js";
import type { Doc, PaperValues, Task } from "../tasks/task.js";
import { CHAIN_OF_THOUGHT } from "./gsm8k-examples.js";

/** Python's $ is also before a line break at the end. */
const RULES: MatchRules = {
  deletions: [without(/,/g), without(/\$/g), withoutBefore("#### "), without(/\.(?=\n?$)/g)],
  ignoresCase: true,
};
const answerOf = (doc: Doc) => doc.answer as string;
const isRight = (answer: string, reference: string) => exactMatch(answer, [reference], RULES);

type Find = (text: string) => string;
const hashed: Find = (text) => extract(text, /#### (-?[0-9.,]+)/g, "first");
const flexible: Find = (text) => extract(text, /(-?[$0-9.,]{2,})|(-?[0-9]+)/g, "last");
const stated: Find = (text) => extract(text, /The answer is (-?[0-9.,]+)[^\n]/g, "first");
const voted: Find = (text) => extract(text, /The answer is (-?[0-9.,]*[0-9]+)/g, "first");

const filter = (name: string, apply: AnswerFilter["apply"], reference: (doc: Doc) => string): AnswerFilter => ({
  name,
  apply,
  metrics: { exact_match: (answer, doc) => isRight(answer, reference(doc)) },
});
const first =
  (find: Find): AnswerFilter["apply"] =>
  ([text]) =>
    find(text!);
const most =
  (find: Find, count: number): AnswerFilter["apply"] =>
  (texts) =>
    majority(texts.slice(0, count).map(find));

/** Table 7 of the paper. */
const figure = (metric: string, setting: string, values: PaperValues) => [
  { metric, values, shots: null, setting: `table 7, ${setting}` },
];

const BASE = {
  source: "openai/gsm8k",
  licence: "MIT",
  split: "test" as const,
  excludesDocument: false,
};
const data = (name: string): Task["data"] => ({
  folders: name === "gsm8k" ? [name] : [name, "gsm8k"],
  configs: ["main"],
  columns: { question: TEXT, answer: TEXT },
  ownFiles: {},
});
const PLAIN = {
  ...BASE,
  version: 3,
  examples: { from: "train" as const },
  defaultShots: 5,
  text: ({ question }: Doc) => `Question: ${question}\nAnswer:`,
  target: answerOf,
  until: ["Question:", "</s>", "<|im_end|>"],
};

const GSM8K = answerTask({
  ...PLAIN,
  name: "gsm8k",
  title: "GSM8K: arithmetic in words",
  data: data("gsm8k"),
  generationKwargs: { until: PLAIN.until, do_sample: false, temperature: 0.0 },
  filters: [filter("strict-match", first(hashed), answerOf), filter("flexible-extract", first(flexible), answerOf)],
  paper: figure("exact_match,strict-match", "greedy", [11.0, 17.8, 35.6, 50.9]),
});

/** The paper's maj1@k: the most frequent answer of k samples, by the settings of Minerva (Lewkowycz et al. 2022). */
export function gsm8kVote(samples: number): Task {
  const name = `gsm8k@${samples}`;
  return answerTask({
    ...PLAIN,
    name,
    title: `GSM8K: the most frequent answer of ${samples} samples (not a task of lm-evaluation-harness)`,
    data: { ...data(name), folders: ["gsm8k"] },
    sampling: { count: samples, temperature: 0.6, topP: 0.95 },
    generationKwargs: { until: PLAIN.until, do_sample: true, temperature: 0.6, top_p: 0.95 },
    filters: [
      filter("strict-match", most(hashed, samples), answerOf),
      filter("flexible-extract", most(flexible, samples), answerOf),
    ],
    paper: figure("exact_match,strict-match", "maj1@100", [18.1, 29.3, 53.1, 69.7]),
    own: ["exact_match"],
  });
}

/** The final number of an answer; the examples have their whole explanation in its place. */
const finalAnswer = ({ answer, target }: Doc) =>
  typeof answer === "string" ? strip(answer.split("####").at(-1)!) : (target as string);

const THOUGHT = {
  ...BASE,
  examples: { fixed: CHAIN_OF_THOUGHT },
  defaultShots: 8,
  text: ({ question }: Doc) => `Q: ${question}\nA:`,
  target: finalAnswer,
};
const THOUGHT_STOPS = ["Q:", "</s>", "<|im_end|>"];

const GSM8K_COT = answerTask({
  ...THOUGHT,
  name: "gsm8k_cot",
  version: 3,
  title: "GSM8K: arithmetic in words, reasoned step by step",
  data: data("gsm8k_cot"),
  until: THOUGHT_STOPS,
  generationKwargs: { do_sample: false, until: THOUGHT_STOPS },
  filters: [
    filter("strict-match", first(stated), finalAnswer),
    filter("flexible-extract", first(flexible), finalAnswer),
  ],
});

const VOTE_STOPS = ["Q:", "\n\n"];
const VOTE: Sampling = { count: 64, temperature: 0.2 };

const SELF_CONSISTENCY = answerTask({
  ...THOUGHT,
  name: "gsm8k_cot_self_consistency",
  version: 2,
  title: `GSM8K: arithmetic in words, the most frequent answer of ${VOTE.count} samples`,
  data: data("gsm8k_cot_self_consistency"),
  until: VOTE_STOPS,
  sampling: VOTE,
  generationKwargs: { until: VOTE_STOPS, do_sample: true, temperature: VOTE.temperature },
  filters: [
    filter("score-first", first(voted), finalAnswer),
    filter("maj@64", most(voted, 64), finalAnswer),
    filter("maj@8", most(voted, 8), finalAnswer),
  ],
});

export const GSM8K_TASKS: readonly Task[] = [GSM8K, GSM8K_COT, SELF_CONSISTENCY];
