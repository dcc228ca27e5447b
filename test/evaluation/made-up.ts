/** Makes 20 documents in the form of every task's data, without a benchmark's texts. As a program it writes them: made-up.js DIR. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Row, Split } from "../../src/evaluation/data/row.js";
import { pythonStr } from "../../src/evaluation/python/repr.js";

const NAMES = ["Tom", "Lily", "Ben", "Mia", "Sam", "Anna", "Max", "Zoë", "Tim", "Sue"];
const THINGS = [
  ...["red ball", "small dog", "blue kite", "big tree", "toy car", "yellow bird", "warm hat", "sweet apple"],
  ...["old box", "little boat"],
];
const PLACES = ["park", "garden", "house", "school", "forest", "river", "beach", "shop", "farm", "kitchen"];

const name = (i: number) => NAMES[i % 10]!;
const thing = (i: number) => THINGS[i % 10]!;
const place = (i: number) => PLACES[i % 10]!;
const some = (list: readonly string[], from: number, count: number) =>
  Array.from({ length: count }, (_, k) => list[(from + k) % list.length]!);
const LETTERS = ["A", "B", "C", "D"];

type Make = (i: number) => Row;

const hellaswag: Make = (i) => {
  const kind = (verb: string, k: number) =>
    `${verb} the ${thing(i + k)} and goes home${k % 2 ? "  with his mom" : ""}.`;
  const endings = ["takes", "likes", "[step] finds", "wants"].map(kind);
  const starts = ["he", "", "ΣΟΦΟΣ and SHE", "ǆ-LETTERS ſharp", "ßTRANGE İT"];
  return {
    ...{ ind: i, activity_label: i % 2 ? "Playing" : "\u00a0Family Life" },
    ctx_a: `${name(i)} goes to the ${place(7 * i)}. [title] What [a\nb] next [${i}] [open`,
    ...{ ctx_b: starts[i % 5], ctx: "", endings, source_id: "x", split: "val", split_type: "indomain" },
    label: String(i % 4),
  };
};

const arc: Make = (i) => {
  const text = some(THINGS, i, i % 5 ? 4 : 3);
  const label = (i % 2 ? LETTERS : ["1", "2", "3", "4"]).slice(0, text.length);
  const question = `What did ${name(i)} find in the ${place(i)}?`;
  return { id: `q${i}`, question, choices: { text, label }, answerKey: label[i % text.length] };
};

const crowsPairs: Make = (i) => {
  const [a, b] = [
    ["boy", "girl"],
    ["rich man", "poor man"],
    ["old man", "young man"],
  ][i % 3]!;
  return {
    ...{ id: i, sent_more: `The ${a} likes ${thing(i)} games.`, sent_less: `The ${b} likes ${thing(i)} games.` },
    ...{ stereo_antistereo: "stereo", bias_type: ["gender", "race-color", "age"][i % 3] },
  };
};

const winogender: Make = (i) => {
  const gender = ["male", "female", "neutral"][i % 3]!;
  const pronoun = ["he", "she", "they"][i % 3]!;
  return {
    ...{
      sentid: `nurse.patient.${i % 2}.${gender}.txt`,
      sentence: `The nurse said that ${pronoun} saw a ${thing(i)}.`,
    },
    ...{
      pronoun,
      occupation: "nurse",
      participant: i % 4 ? "patient" : "someone",
      gender,
      target: "nurse",
      label: i % 2,
    },
  };
};

const winogrande: Make = (i) => ({
  sentence: `${name(i)} gave the ${thing(i)} to ${name(i + 1)} because _ ${["was kind.", "did not need it ", "\u2003_ ", ""][i % 4]}`,
  ...{ option1: name(i), option2: name(i + 1), answer: String(1 + (i % 2)) },
});

const piqa: Make = (i) => ({
  goal: `make a ${thing(i)}`,
  sol1: `use the ${place(i)}.`,
  sol2: `eat ${"the ".repeat(i % 3)}${thing(i + 3)} é😀.`,
  label: i % 2,
});

const socialIqa: Make = (i) => ({
  context: `${name(i)} lost a ${thing(i)}.`,
  question: "How does the owner feel?",
  ...{ answerA: "sad", answerB: "very happy", answerC: `like a ${thing(i)}`, label: String(1 + (i % 3)) },
});

const boolq: Make = (i) => ({
  question: `is a ${thing(i)} in the ${place(i)}`,
  passage: `Things -- A ${thing(i)} is there.\nSee.`,
  ...{ idx: i, label: i % 2 },
});

const openbookqa: Make = (i) => ({
  id: String(i),
  question_stem: i === 7 ? "12" : `A ${thing(i)} is found${i % 2 ? " " : ""}`,
  choices: { text: some(PLACES, i, 4), label: LETTERS },
  answerKey: (i % 3 ? "" : " ") + LETTERS[i % 4],
});

const mmlu =
  (subject: string): Make =>
  (i) => ({ question: `\u2003What is a ${thing(i)}?\n`, subject, choices: some(THINGS, i, 4), answer: (i * 7) % 4 });

const truthfulQa: Make = (i) => {
  const answers = some(THINGS, i, 4).map((one) => `A ${one}.`);
  const mc1 = { choices: answers.slice(0, 3), labels: [1, 0, 0] };
  return {
    question: `What is a ${thing(i)}?`,
    mc1_targets: mc1,
    mc2_targets: { choices: answers, labels: [1, i % 2, 0, 0] },
  };
};

const race: Make = (i) => {
  const problem = (k: number) => ({
    question: `What did ${name(k)} see${["?", "  _  .", " _ ."][k % 3]}`,
    answer: LETTERS[k % 4],
    options: some(THINGS, k, 4).map((one, n) => (n % 3 ? `${one}'s "own"\\` : `${one}'s`)),
  });
  const problems = Array.from({ length: 1 + (i % 4) }, (_, k) => problem(i + k));
  return { article: `${name(i)} went out.\nHe saw things.`, problems: pythonStr(problems) };
};

const nqOpen: Make = (i) => ({
  question: `who went to the ${place(i)} with ${name(i)}${i % 4 ? "" : "?"}`,
  answer: [name(i + 1), `The ${thing(i)}`, `Ån A the "${place(i)}"`].slice(0, 2 + (i % 2)),
});

const triviaQa: Make = (i) => ({
  ...{ question: `Who went to the ${place(i)}`, question_id: String(i) },
  answer: { aliases: [name(i), `The ${name(i)}-Man`, "İstanbul"].slice(0, 1 + (i % 3)), value: name(i) },
});

const gsm8k: Make = (i) => ({
  question: `${name(i)} has ${i + 2} apples and gets ${i} more. How many?`,
  answer: `${i + 2} + ${i} = ${2 * i + 2}\n#### ${["", "1,"][i % 2]}${String(2 * i + 2).padStart(3, "1")}`,
});

const math: Make = (i) => {
  const answers = [
    "\\frac{3}{4}",
    "\\dfrac12",
    "x=5",
    "\\sqrt3",
    "10\\%",
    "0.5",
    "12^\\circ",
    "\\$7",
    "3\\text{ cm}",
    ".5",
    "2/3",
    "a/b",
  ];
  const answer = answers[i % answers.length]!;
  const solution = i % 5 ? `So $x$ is \\boxed{${answer}}.` : `It is $\\boxed ${answer}$.`;
  return { problem: `How much is ${i}?`, level: "Level 1", type: "Algebra", solution };
};

const story = (i: number) =>
  Array.from(
    { length: 5 },
    (_, k) => `${name(i + k)} went to the ${place(i * k)} and saw a ${thing(k)} , which was nice . \n`,
  );
const ODD = ` \n = The " Long @-@ Way " = \n \n It cost 1 @,@ 000 @.@ 5 ( about 30 ° C ) ; the boys ' hats [ sic ] were ' red ' : Tom 's , too !
 { x } Was it ? N times . /' 5/ ( never closed \n = = Later = = \n = = = Café\u0085\u001c = = = \n`;
const wikitext: Make = (i) => ({ page: story(i).join(" ") + ODD.repeat(i % 3) });

const humanEval: Make = (i) => ({
  ...{ task_id: `Made/${i}`, prompt: `def f${i}(x):\n    """Adds ${i}."""\n`, entry_point: `f${i}` },
  ...{ canonical_solution: `    return x + ${i}\n`, test: `def check(f):\n    assert f(1) == ${i + 1}` },
});

const mbpp: Make = (i) => ({
  ...{ task_id: i + 11, text: `Write a function f${i} that adds ${i}.`, code: `def f${i}(x):\n    return x + ${i}` },
  test_list: [1, 2, 3].map((n) => `assert f${i}(${n}) == ${n + i}`),
});

/** By task: how a row is made, and how many rows each split has. The first rows of a split are not those of another. */
const DATA: Readonly<Record<string, [Make, Partial<Record<Split, number>>]>> = {
  boolq: [boolq, { validation: 20, train: 40 }],
  piqa: [piqa, { validation: 20, train: 40 }],
  social_iqa: [socialIqa, { validation: 20, train: 40 }],
  hellaswag: [hellaswag, { validation: 20, train: 40 }],
  winogrande: [winogrande, { validation: 20, train: 10 }],
  arc_easy: [arc, { test: 20, validation: 20, train: 40 }],
  arc_challenge: [arc, { test: 20, validation: 20, train: 9 }],
  openbookqa: [openbookqa, { test: 20, validation: 20, train: 40 }],
  nq_open: [nqOpen, { validation: 20, train: 40 }],
  triviaqa: [triviaQa, { validation: 20, train: 30 }],
  race: [race, { test: 20 }],
  gsm8k: [gsm8k, { test: 20, train: 40 }],
  gsm8k_cot: [gsm8k, { test: 20, train: 20 }],
  gsm8k_cot_self_consistency: [gsm8k, { test: 3, train: 20 }],
  hendrycks_math_algebra: [math, { test: 20, train: 40 }],
  humaneval: [humanEval, { test: 20 }],
  mbpp: [mbpp, { test: 20 }],
  mmlu_anatomy: [mmlu("anatomy"), { test: 20, dev: 5 }],
  mmlu_high_school_biology: [mmlu("high_school_biology"), { test: 11, dev: 5 }],
  crows_pairs_english: [crowsPairs, { test: 20 }],
  crows_pairs_english_race_color: [crowsPairs, { test: 20 }],
  winogender_all: [winogender, { test: 20 }],
  winogender_female: [winogender, { test: 20 }],
  winogender_gotcha_male: [winogender, { test: 20 }],
  truthfulqa_mc1: [truthfulQa, { validation: 20 }],
  truthfulqa_mc2: [truthfulQa, { validation: 20 }],
  wikitext: [wikitext, { test: 20, validation: 1, train: 1 }],
};

export const MADE_UP_TASKS = Object.keys(DATA);

/** The rows of a split; the examples of other splits are others. */
export function madeUpRows(task: string, split: Split): Row[] {
  const [make, splits] = DATA[task]!;
  const first = 100 * Object.keys(splits).indexOf(split);
  return Array.from({ length: splits[split]! }, (_, i) => make(first + i));
}

/** Writes DIR/TASK/SPLIT.jsonl of every task. */
export function writeMadeUp(folder: string): void {
  for (const [task, [, splits]] of Object.entries(DATA)) {
    mkdirSync(join(folder, task), { recursive: true });
    for (const split of Object.keys(splits) as Split[]) {
      const lines = madeUpRows(task, split).map((row) => `${JSON.stringify(row)}\n`);
      writeFileSync(join(folder, task, `${split}.jsonl`), lines.join(""));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeMadeUp(process.argv[2]!);
