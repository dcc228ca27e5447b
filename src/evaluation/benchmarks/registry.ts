/** All tasks and groups by name. */
import { LlamaError } from "../../error.js";
import { firstFew } from "../../formats/files/amounts.js";
import { quoted } from "../../formats/files/quoted.js";
import type { Task, TaskGroup } from "../tasks/task.js";
import { readUserTask } from "../tasks/user-task.js";
import { CROWS_PAIRS, WINOGENDER } from "./bias.js";
import { CLOSED_BOOK } from "./closed-book.js";
import { humanEval, mbpp } from "./code.js";
import { COMMON_SENSE } from "./common-sense.js";
import { GSM8K_TASKS, gsm8kVote } from "./gsm8k.js";
import { MMLU, READING, TRUTHFUL_QA } from "./knowledge.js";
import { MATH, MATH_FIGURE } from "./math.js";
import { SUBJECTS } from "./mmlu-subjects.js";
import { TOXICITY } from "./toxicity.js";
import { WIKITEXT } from "./wikitext.js";

/** In the order of the paper's tables. */
export const TASKS: readonly Task[] = [
  ...COMMON_SENSE,
  ...CLOSED_BOOK,
  ...READING,
  ...MATH,
  ...GSM8K_TASKS,
  humanEval(1),
  mbpp(1),
  ...MMLU,
  TOXICITY,
  ...CROWS_PAIRS,
  ...WINOGENDER,
  ...TRUTHFUL_QA,
  WIKITEXT,
];

/** Tasks with a number of samples after an @: gsm8k@100. */
const SAMPLED: Readonly<Record<string, (samples: number) => Task>> = {
  gsm8k: gsm8kVote,
  humaneval: humanEval,
  mbpp,
};
const MAX_SAMPLES = 1000;

const group = (name: string, title: string, members: readonly string[]): TaskGroup => ({
  name,
  title,
  members,
  metrics: [],
  version: 1,
});

const MMLU_TITLES = {
  stem: ["STEM", [30.5, 35.8, 46.0, 51.7]],
  other: ["other", [38.1, 53.3, 63.4, 67.4]],
  social_sciences: ["social sciences", [38.3, 53.8, 66.7, 72.9]],
  humanities: ["humanities", [34.0, 45.0, 55.8, 61.8]],
} as const;

const mmluGroup = (
  name: string,
  alias: string,
  members: readonly string[],
  values: readonly [number, number, number, number],
): TaskGroup => ({
  name,
  alias,
  title: `MMLU: ${alias === "mmlu" ? "all 57 subjects" : alias}`,
  members,
  metrics: ["acc"],
  version: 2,
  paper: [{ metric: "acc,none", values, shots: 5, setting: "table 9" }],
});

const MMLU_GROUPS = (Object.keys(MMLU_TITLES) as (keyof typeof MMLU_TITLES)[]).map((name) => {
  const [alias, values] = MMLU_TITLES[name];
  const members = SUBJECTS[name].map((subject) => `mmlu_${subject}`);
  return mmluGroup(`mmlu_${name}`, alias.toLowerCase(), members, values);
});

export const GROUPS: readonly TaskGroup[] = [
  group("ai2_arc", "ARC, both sets", ["arc_easy", "arc_challenge"]),
  {
    name: "hendrycks_math",
    title: "MATH: all seven subjects",
    members: MATH.map(({ name }) => name),
    metrics: ["exact_match"],
    version: 1,
    paper: [MATH_FIGURE],
  },
  mmluGroup(
    "mmlu",
    "mmlu",
    MMLU_GROUPS.map(({ name }) => name),
    [35.1, 46.9, 57.8, 63.4],
  ),
  ...MMLU_GROUPS,
  group(
    "truthfulqa",
    "TruthfulQA, both measures of choice",
    TRUTHFUL_QA.map(({ name }) => name),
  ),
  group(
    "crows_pairs",
    "CrowS-Pairs: all pairs, and each category",
    CROWS_PAIRS.map(({ name }) => name),
  ),
  group(
    "winogender",
    "WinoGender: all, by pronoun, and sentences against the majority",
    WINOGENDER.map(({ name }) => name),
  ),
];

export interface Selection {
  /** Without repetition, in the order of the names. */
  tasks: Task[];
  /** Groups that were named, and the groups in them, outer ones first. */
  groups: TaskGroup[];
}

/** The tasks and groups of names, and the tasks in files of the user, NAME.json. Throws LlamaError (usage) for a name that is unknown. */
export function selectTasks(names: readonly string[]): Selection {
  const tasks = new Map<string, Task>();
  const groups = new Map<string, TaskGroup>();
  const known = new Map(TASKS.map((task) => [task.name, task]));
  const add = (name: string): void => {
    const task = known.get(name) ?? (name.endsWith(".json") ? readUserTask(name) : sampledTask(name));
    const named = GROUPS.find((one) => one.name === name);
    if (task !== undefined) tasks.set(task.name, task);
    else if (named === undefined) throw unknown(name, [...known.keys(), ...GROUPS.map((one) => one.name)]);
    else {
      groups.set(name, named);
      for (const member of named.members) add(member);
    }
  };
  for (const name of names) add(name);
  return { tasks: [...tasks.values()], groups: [...groups.values()] };
}

function sampledTask(name: string): Task | undefined {
  const [, base = "", count = ""] = /^(\w+)@(\d+)$/.exec(name) ?? [];
  const make = Object.hasOwn(SAMPLED, base) ? SAMPLED[base] : undefined;
  if (make === undefined) return undefined;
  if (Number(count) >= 2 && Number(count) <= MAX_SAMPLES) return make(Number(count));
  throw new LlamaError("usage", "bad number of samples", {
    where: name,
    expected: `from 2 to ${MAX_SAMPLES} after the @`,
    found: count,
  });
}

function unknown(name: string, known: readonly string[]): LlamaError {
  const close = known.filter((one) => one.startsWith(name.slice(0, 4)));
  const fix = close.length > 0 ? `Similar: ${firstFew(close)}` : "`llama-ts eval list` shows all";
  return new LlamaError("usage", `unknown task ${quoted(name)}`, { fix });
}
