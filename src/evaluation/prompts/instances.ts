/** Makes the requests of a task: loads its data, chooses the examples of each document, and writes the prompts. Does not run them. */
import { LlamaError } from "../../error.js";
import { type DataFile, loadRows } from "../data/load-rows.js";
import type { Doc, EvalRequest, Task } from "../tasks/task.js";
import { type DrawExamples, firstExamples, randomDraw } from "./draw-examples.js";
import { prefixText } from "./prefix.js";

/** A document with all that is asked of the model for it. */
export interface Instance {
  /** Its place in the split, from 0. */
  docId: number;
  doc: Doc;
  requests: EvalRequest[];
  paperRequests: EvalRequest[];
}

export interface InstanceOptions {
  /** Examples for each document; the task's own number if undefined. */
  shots?: number;
  /** Of the examples' random draw; lm-evaluation-harness' default is 1234. */
  seed: number;
  /** The first documents: their number, or below 1 a share of them. */
  limit?: number;
  /** Whether to make the requests for the paper's own measures. */
  paper?: boolean;
}

/** The data of a task, read once. */
export interface TaskData {
  documents: Doc[];
  /** Where examples are drawn from; empty if none are needed. */
  pool: readonly Doc[];
  files: DataFile[];
}

export const DEFAULT_SEED = 1234;

/** The number of examples that a run has. */
export function shotsOf(task: Task, chosen: number | undefined): number {
  return task.hasFixedShots || chosen === undefined ? task.defaultShots : chosen;
}

/** The data have rows, but none of the task. */
export class NoDocuments extends LlamaError {}

/** Reads a task's documents below `folder`, and its examples if there are any shots. Throws LlamaError (usage) for what is missing or malformed. */
export async function loadTask(folder: string, task: Task, shots: number): Promise<TaskData> {
  const needs = { ...task.data, hub: task.source };
  const { rows, files } = await loadRows(folder, task.name, needs, task.split);
  const documents = task.documents(rows);
  if (documents.length === 0) {
    const where = files.map(({ path }) => path).join(", ");
    throw new NoDocuments("usage", `has no document of ${task.name}`, {
      where,
      found: `${rows.length} rows of other kinds`,
    });
  }
  const { examples } = task;
  if (shots === 0) return { documents, pool: [], files };
  if ("fixed" in examples) return { documents, pool: examples.fixed, files };
  if (examples.from === task.split) return { documents, pool: documents, files };
  const more = await loadRows(folder, task.name, needs, examples.from);
  return { documents, pool: task.documents(more.rows), files: [...files, ...more.files] };
}

/** How many documents a limit leaves. */
export function documentCount(documents: number, limit: number | undefined): number {
  if (limit === undefined) return documents;
  return Math.min(documents, limit < 1 ? Math.ceil(documents * limit) : Math.floor(limit));
}

/** Every document with its requests, in the order of the file. A part of them must be chosen after this: draws depend on the ones before. */
export function* instances(task: Task, data: TaskData, options: InstanceOptions): Generator<Instance, void, void> {
  const draw = sampler(task, data, options);
  const count = documentCount(data.documents.length, options.limit);
  for (let docId = 0; docId < count; docId++) {
    const doc = data.documents[docId]!;
    const requests = task.requests(doc, prefixText(task, draw(doc)));
    yield { docId, doc, requests, paperRequests: options.paper ? (task.paperRequests?.(doc) ?? []) : [] };
  }
}

function sampler(task: Task, { pool }: TaskData, { shots, seed }: InstanceOptions): DrawExamples {
  const { name, examples, excludesDocument } = task;
  const settings = { task: name, shots: shotsOf(task, shots), seed, excludesDocument };
  return "fixed" in examples || examples.first ? firstExamples(pool, settings) : randomDraw(pool, settings);
}
