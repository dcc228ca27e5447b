/** Which documents of which tasks a run evaluates, with their requests. Reads the data; runs nothing. */
import type { DataFile } from "../data/load-rows.js";
import {
  documentCount,
  type Instance,
  instances,
  loadTask,
  NoDocuments,
  shotsOf,
  type TaskData,
} from "../prompts/instances.js";
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
  /** Called for a task without documents that may be left out, because only a group of it was named; others throw. */
  leaveOut?: (task: Task) => boolean;
}

/** Reads the data below `folder`. Throws LlamaError (usage) for what is missing or malformed. */
export async function planTasks(
  folder: string,
  tasks: readonly Task[],
  { shots: chosen, seed, limit, shard = { index: 1, count: 1 }, leaveOut }: PlanOptions,
): Promise<PlannedTask[]> {
  const planned: PlannedTask[] = [];
  for (const task of tasks) {
    const shots = shotsOf(task, chosen);
    let data: TaskData;
    try {
      data = await loadTask(folder, task, shots);
    } catch (error) {
      if (!(error instanceof NoDocuments) || !leaveOut?.(task)) throw error;
      continue;
    }
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
