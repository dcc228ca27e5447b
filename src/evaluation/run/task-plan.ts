/** Which documents of which tasks a run evaluates, with their requests. Reads the data; runs nothing. */
import type { DataFile } from "../data/load-rows.js";
import { documentCount, type Instance, instances, loadTask, shotsOf } from "../prompts/instances.js";
import type { Task } from "../tasks/task.js";

export interface PlannedTask {
  task: Task;
  shots: number;
  /** Documents of the file. */
  original: number;
  /** Those of them that are evaluated, in their order. */
  instances: Instance[];
  files: DataFile[];
}

export interface PlanOptions {
  /** Examples for each document; each task's own number if undefined. */
  shots?: number;
  /** Of the random draw of examples. */
  seed: number;
  /** The first documents: their number, or below 1 a share of them. */
  limit?: number;
  /** Every `count`-th document, beginning with document `index` (from 1). */
  shard?: { index: number; count: number };
}

/** Reads the data below `folder`. Throws LlamaError (usage) for what is missing or malformed. */
export async function planTasks(
  folder: string,
  tasks: readonly Task[],
  { shots: chosen, seed, limit, shard = { index: 1, count: 1 } }: PlanOptions,
): Promise<PlannedTask[]> {
  const planned: PlannedTask[] = [];
  for (const task of tasks) {
    const shots = shotsOf(task, chosen);
    const data = await loadTask(folder, task, shots);
    const options = { shots, seed, paper: true, ...(limit !== undefined && { limit }) };
    // Examples are drawn for the documents of the other parts too: each draw depends on the ones before.
    const own = [...instances(task, data, options)].filter(({ docId }) => docId % shard.count === shard.index - 1);
    planned.push({ task, shots, original: data.documents.length, instances: own, files: data.files });
  }
  return planned;
}

/** Documents of a whole run, of which a part evaluates some. */
export function wholeCount({ original }: PlannedTask, limit: number | undefined): number {
  return documentCount(original, limit);
}
