/** Reads what other programs say of generated texts: which programs passed their tests, or a score for each text. Runs and scores nothing. */
import { LlamaError } from "../../error.js";
import { showValue } from "../../formats/files/json-value.js";
import { jsonLines } from "../data/json-rows.js";
import type { Row } from "../data/row.js";
import { aggregate, type Figure } from "../metrics/aggregate.js";
import { type Interval, normalInterval } from "../metrics/interval.js";
import { passAtK } from "../metrics/pass-at-k.js";

/** A figure with the name of its measure: "pass@1", or "mean basic". */
export interface OutsideFigure extends Figure {
  measure: string;
  /** 95 per cent; null for a single value. */
  interval: Interval | null;
}

/** Of pass@k, as the paper and the official runner report it. */
const KS = [1, 10, 80, 100];
const MEAN = { aggregation: "mean", higherIsBetter: null } as const;
const EXPECTED =
  'lines of the HumanEval runner {"task_id", "passed"}, or lines {"score"} of a number and perhaps a text "kind"';

/** The figures of a file. Throws LlamaError (usage) that names the line for anything else. */
export function readOutsideScores(text: string, file: string): OutsideFigure[] {
  const rows = jsonLines(text, file);
  const [first] = rows;
  if (first === undefined) throw new LlamaError("usage", "has no lines", { where: file, expected: EXPECTED });
  return "passed" in first ? passedFigures(rows, file) : meanFigures(rows, file);
}

/** The mean over tasks, for every k of which each task has as many samples. */
function passedFigures(rows: readonly Row[], file: string): OutsideFigure[] {
  const byTask = new Map<string, boolean[]>();
  rows.forEach(({ task_id: id, passed }, i) => {
    const isId = typeof id === "string" || typeof id === "number";
    if (!isId || typeof passed !== "boolean") throw noScore(file, i, isId ? passed : id);
    byTask.set(String(id), [...(byTask.get(String(id)) ?? []), passed]);
  });
  const tasks = [...byTask.values()];
  return KS.filter((k) => tasks.every(({ length }) => length >= k)).map((k) => {
    const values = tasks.map((passed) => passAtK(passed.length, passed.filter(Boolean).length, k));
    const figure = aggregate(MEAN, values)!;
    const [low, high] = normalInterval(figure.value, figure.stderr) ?? [0, 1];
    // Probabilities are within 0 and 1.
    const interval = figure.stderr === null ? null : ([Math.max(0, low), Math.min(1, high)] as const);
    return { measure: `pass@${k}`, ...figure, interval };
  });
}

function meanFigures(rows: readonly Row[], file: string): OutsideFigure[] {
  const byKind = new Map<string, number[]>();
  rows.forEach(({ kind = "", score }, i) => {
    if (typeof score !== "number" || typeof kind !== "string") throw noScore(file, i, score);
    const scores = byKind.get(kind);
    if (scores) scores.push(score);
    else byKind.set(kind, [score]);
  });
  return [...byKind].map(([kind, scores]) => {
    const figure = aggregate(MEAN, scores)!;
    return { measure: `mean ${kind}`.trim(), ...figure, interval: normalInterval(figure.value, figure.stderr) };
  });
}

function noScore(file: string, index: number, found: unknown): LlamaError {
  const where = `${file}, line ${index + 1}`;
  return new LlamaError("usage", "is not a score", { where, expected: EXPECTED, found: showValue(found) });
}
