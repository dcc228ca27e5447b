/** Chooses the few-shot examples of each document as lm-evaluation-harness' samplers do. Does not know what they look like. */
import { isDeepStrictEqual } from "node:util";
import { LlamaError } from "../../error.js";
import { PythonRandom } from "../python/random.js";
import type { Doc } from "../tasks/task.js";

/** Called once for each document in their order, as every draw continues the same sequence of random numbers. */
export type DrawExamples = (doc: Doc) => Doc[];

export interface DrawOptions {
  /** For messages. */
  task: string;
  shots: number;
  seed: number;
  /** One more is drawn, so that the document itself can be removed. */
  excludesDocument: boolean;
}

/** The sampler "default": Python's random.Random(seed).sample for each document. */
export function randomDraw(pool: readonly Doc[], { task, shots, seed, excludesDocument }: DrawOptions): DrawExamples {
  if (shots === 0) return () => [];
  const random = new PythonRandom(seed);
  const draw = (from: readonly Doc[], count: number): Doc[] => {
    if (from.length < count) throw tooFew(task, shots, count, from.length);
    return random.sample(from.length, count).map((index) => from[index]!);
  };
  if (!excludesDocument) return () => draw(pool, shots);
  return (doc) => {
    const isOther = (example: Doc) => !isDeepStrictEqual(example, doc);
    const drawn = draw(pool, shots + 1)
      .filter(isOther)
      .slice(0, shots);
    return drawn.length === shots ? drawn : draw(pool.filter(isOther), shots);
  };
}

/** The sampler "first_n". */
export function firstExamples(pool: readonly Doc[], { task, shots }: DrawOptions): DrawExamples {
  if (pool.length < shots) throw tooFew(task, shots, shots, pool.length);
  const first = pool.slice(0, shots);
  return () => first;
}

function tooFew(task: string, shots: number, needed: number, found: number): LlamaError {
  return new LlamaError("usage", `too few examples for ${shots} shots`, {
    where: task,
    expected: `at least ${needed}`,
    found: String(found),
  });
}
