/** Selects the input lines that belong to this process, from --shard or the variables of a job array. */
import { LlamaError } from "../../error.js";

/** Part `index` of `count`, counted from 1. */
export interface Shard {
  index: number;
  count: number;
}

export const WHOLE: Shard = { index: 1, count: 1 };

/** Lines are dealt to the parts in turn, so that all parts have the same size for any length of input. */
export function isInShard(line: number, { index, count }: Shard): boolean {
  return (line - 1) % count === index - 1;
}

/** Parses "2/8", "auto" or "auto/8"; auto reads the index, and the count if absent, from the environment of a job array. */
export function parseShard(text: string, env: NodeJS.ProcessEnv): Shard {
  const [, part, total] = /^(auto|\d+)(?:\/(\d+))?$/.exec(text) ?? [];
  if (part === undefined || (part !== "auto" && total === undefined)) {
    throw shardError("cannot be parsed", "i/n with i from 1 to n, auto or auto/n", text);
  }
  const index = part === "auto" ? indexFrom(env) : Number(part);
  const count = total === undefined ? countFrom(env) : Number(total);
  if (index < 1 || index > count) throw shardError("is out of range", `a part from 1 to ${count}`, `${index}`);
  return { index, count };
}

function indexFrom(env: NodeJS.ProcessEnv): number {
  const task = number(env, "SLURM_ARRAY_TASK_ID");
  if (task !== null) {
    // --array=0-7, 1-8 and 10-80:10 are all eight parts.
    const first = number(env, "SLURM_ARRAY_TASK_MIN") ?? 0;
    return Math.floor((task - first) / (number(env, "SLURM_ARRAY_TASK_STEP") ?? 1)) + 1;
  }
  const completion = number(env, "JOB_COMPLETION_INDEX");
  if (completion !== null) return completion + 1;
  throw shardError(
    "auto found no job array",
    "SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX in the environment",
    "neither",
  );
}

function countFrom(env: NodeJS.ProcessEnv): number {
  const count = number(env, "SLURM_ARRAY_TASK_COUNT");
  if (count !== null) return count;
  throw shardError("auto found no number of parts", "SLURM_ARRAY_TASK_COUNT in the environment, or auto/n", "neither");
}

function number(env: NodeJS.ProcessEnv, name: string): number | null {
  const value = env[name];
  if (value === undefined || value === "") return null;
  if (/^\d+$/.test(value)) return Number(value);
  throw new LlamaError("usage", "is not a number", { where: name, found: value });
}

function shardError(problem: string, expected: string, found: string): LlamaError {
  return new LlamaError("usage", problem, { where: "--shard", expected, found });
}
