/** Compares two outputs document by document: differences with paired intervals, tests, and the documents whose answer changed. */
import { LlamaError } from "../../error.js";
import { createRandom } from "../../generation/sampling/random.js";
import type { Interval } from "../metrics/interval.js";
import { difference, holm, mcNemar, signFlip } from "../metrics/paired.js";
import { type ChangedAnswers, changedAnswers } from "./changed-answers.js";
import type { EvalOutput } from "./read-output.js";
import type { Sample } from "./read-samples.js";

/** A metric of a task on the documents of both. */
export interface ComparedMetric {
  task: string;
  filter: string;
  metric: string;
  count: number;
  a: number;
  b: number;
  /** Mean of a - b. */
  difference: number;
  interval: Interval | null;
  /** Documents that only one has right; null for a metric that is not 0 or 1. */
  only: { a: number; b: number } | null;
  test: "McNemar" | "sign flip";
  p: number;
  /** Corrected for all metrics that are compared. */
  corrected: number;
}

export interface Comparison {
  metrics: ComparedMetric[];
  answers: ChangedAnswers[];
  /** What the reader must know, a sentence each. */
  notes: string[];
}

/** Of the sign-flip test, so that the same outputs give the same p. */
const SEED = 1234;

type Pair = readonly [Sample, Sample];

/** Throws LlamaError (usage) if there are no common tasks with samples, or their documents differ. */
export function compareOutputs(a: EvalOutput, b: EvalOutput): Comparison {
  const tasks = [...a.samples.keys()].filter((task) => b.samples.has(task));
  if (tasks.length === 0) throw nothingCommon(a, b);
  const comparison: Comparison = { metrics: [], answers: [], notes: notes(a, b, tasks) };
  for (const task of tasks) {
    const pairs = paired(task, a.samples.get(task)!, b.samples.get(task)!);
    const changed = pairs.filter(([one, other]) => one.promptHash !== other.promptHash).length;
    if (changed > 0) comparison.notes.push(`${task}: the prompts of ${changed} documents differ.`);
    for (const filter of new Set(pairs.map(([one]) => one.filter))) {
      const own = pairs.filter(([one]) => one.filter === filter);
      comparison.metrics.push(...metrics(task, filter, own));
      const answers = changedAnswers(task, filter, own);
      if (answers) comparison.answers.push(answers);
    }
  }
  const corrected = holm(comparison.metrics.map(({ p }) => p));
  comparison.metrics.forEach((metric, i) => {
    metric.corrected = corrected[i]!;
  });
  return comparison;
}

function metrics(task: string, filter: string, pairs: readonly Pair[]): ComparedMetric[] {
  const names = Object.keys(pairs[0]![0].metrics).filter((name) =>
    pairs.every((pair) => pair.every((one) => name in one.metrics)),
  );
  return names.map((metric) => {
    const [a, b] = [0, 1].map((side) => pairs.map((pair) => pair[side]!.metrics[metric]!)) as [number[], number[]];
    const isBinary = [...a, ...b].every((value) => value === 0 || value === 1);
    const only = { a: count(a, b), b: count(b, a) };
    const { value, interval } = difference(a, b);
    const differences = a.map((one, i) => one - b[i]!);
    return {
      ...{ task, filter, metric, count: a.length, a: mean(a), b: mean(b), difference: value, interval },
      only: isBinary ? only : null,
      test: isBinary ? ("McNemar" as const) : ("sign flip" as const),
      p: isBinary ? mcNemar(only.a, only.b) : signFlip(differences, createRandom(SEED)),
      corrected: 1,
    };
  });
}

const count = (a: readonly number[], b: readonly number[]) => a.filter((value, i) => value === 1 && b[i] === 0).length;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The samples of the same documents; of several that are equal, in their order. Throws LlamaError (usage) if one lacks any. */
function paired(task: string, a: readonly Sample[], b: readonly Sample[]): Pair[] {
  const others = new Map<string, Sample[]>();
  const key = ({ filter, docHash }: Sample) => `${filter} ${docHash}`;
  for (const sample of b) others.set(key(sample), [...(others.get(key(sample)) ?? []), sample]);
  const pairs = a.flatMap((sample): Pair[] => {
    const other = others.get(key(sample))?.shift();
    return other ? [[sample, other]] : [];
  });
  if (pairs.length === a.length && pairs.length === b.length && pairs.length > 0) return pairs;
  throw new LlamaError("usage", "documents differ", {
    where: task,
    expected: "the same documents in both outputs",
    found: `${a.length} and ${b.length} samples, ${pairs.length} in common`,
    fix: "Run both with the same data and --limit",
  });
}

function notes(a: EvalOutput, b: EvalOutput, tasks: readonly string[]): string[] {
  const shots = tasks.filter((task) => a.shots[task] !== b.shots[task]);
  const alone = ([one, other]: readonly [EvalOutput, EvalOutput]) =>
    [...one.samples.keys()].filter((task) => !other.samples.has(task)).join(", ");
  const [onlyA, onlyB] = [alone([a, b]), alone([b, a])];
  return [
    ...shots.map((task) => `${task}: ${a.shots[task]} examples in the first, ${b.shots[task]} in the second.`),
    ...(onlyA === "" ? [] : [`Only in the first: ${onlyA}.`]),
    ...(onlyB === "" ? [] : [`Only in the second: ${onlyB}.`]),
  ];
}

function nothingCommon(a: EvalOutput, b: EvalOutput): LlamaError {
  const empty = [a, b].find(({ samples }) => samples.size === 0);
  if (empty) {
    const fix = "Run llama-ts eval with --log_samples";
    return new LlamaError("usage", "has no samples beside it", {
      where: empty.path,
      expected: "samples_TASK_TIME.jsonl",
      fix,
    });
  }
  const found = [a, b].map(({ samples }) => [...samples.keys()].join(", ")).join(" and ");
  return new LlamaError("usage", "the outputs have no task in common", { found });
}
