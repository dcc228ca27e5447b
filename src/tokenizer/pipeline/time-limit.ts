/** Limits the time that a text may take to encode: a pattern of a file may backtrack without end. Does not know patterns. */
import { type Context, createContext, Script } from "node:vm";
import { LlamaError } from "../../error.js";

/** Far above what any real file needs, also on a slow and busy machine. */
const LEAST_MS = 10_000;
const MS_PER_CHARACTER = 0.1;

const run = new Script("work()");
let place: Context | null = null;

/** The result of `work` on a text of `length` characters. Throws LlamaError (model) if it takes too long; `path` is the tokenizer's file. */
export function withTimeLimit<T>(work: () => T, length: number, path: string, leastMs = LEAST_MS): T {
  const timeout = leastMs + Math.ceil(length * MS_PER_CHARACTER);
  // A timer cannot interrupt a regular expression that runs; the time limit of a script does.
  place ??= createContext({});
  place.work = work;
  try {
    return run.runInContext(place, { timeout });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw cause;
    throw new LlamaError("model", "takes too long to encode a text", {
      where: path,
      expected: `at most ${timeout / 1000} s for ${length} characters`,
      fix: "A pattern in this file may backtrack without end: use the tokenizer.json of the model's release",
      cause,
    });
  } finally {
    place.work = null;
  }
}
