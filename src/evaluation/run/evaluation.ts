/** An evaluation while it runs: which requests have no answer yet, and the score of each document once all its answers are there. */
import { LlamaError } from "../../error.js";
import type { MetricInfo } from "../metrics/metric.js";
import type { Instance } from "../prompts/instances.js";
import type { EvalResponse, Scored, Task } from "../tasks/task.js";
import type { KeyedRequest } from "./document-work.js";
import { requestKey } from "./request-key.js";
import type { PlannedTask } from "./task-plan.js";

/** What became of a document. */
export interface DocumentResult {
  instance: Instance;
  responses: EvalResponse[];
  /** One for each filter; null if the document failed or has not come to its end. */
  scored: Scored[] | null;
  error: LlamaError | null;
}

export interface TaskResult extends PlannedTask {
  documents: DocumentResult[];
}

/** A document whose answers are not all there. */
interface Open {
  task: TaskResult;
  document: DocumentResult;
  keys: string[];
  /** Different requests without an answer. */
  missing: number;
}

/** The mean of a task's first metric so far. */
export interface RunningScore {
  task: string;
  metric: string;
  sum: number;
  count: number;
}

export class Evaluation {
  readonly results: TaskResult[];
  /** Requests that must run: each once, though several documents may have it. */
  readonly requests: KeyedRequest[] = [];
  readonly #answers = new Map<string, EvalResponse>();
  readonly #waiting = new Map<string, Open[]>();
  readonly #running = new Map<string, RunningScore>();

  /** `known`: answers of earlier runs by key. */
  constructor(tasks: readonly PlannedTask[], known: ReadonlyMap<string, EvalResponse> = new Map()) {
    this.results = tasks.map((task) => ({ ...task, documents: [] }));
    for (const task of this.results) for (const instance of task.instances) this.#open(task, instance, known);
  }

  /** Documents that could not be scored. */
  get failed(): DocumentResult[] {
    return this.results.flatMap(({ documents }) => documents.filter(({ error }) => error !== null));
  }

  /** Score of a task so far; null before the first document, and where scores are not single numbers. */
  running(task: string): RunningScore | null {
    return this.#running.get(task) ?? null;
  }

  /** Takes the answer to a request. */
  answer(key: string, response: EvalResponse): void {
    if (this.#answers.has(key)) return;
    this.#answers.set(key, response);
    for (const open of this.#waiting.get(key) ?? []) {
      open.missing--;
      if (open.missing === 0) this.#score(open);
    }
    this.#waiting.delete(key);
  }

  /** A request that cannot be answered: its documents fail. */
  fail(key: string, error: LlamaError): void {
    for (const { document } of this.#waiting.get(key) ?? []) document.error ??= error;
  }

  #open(task: TaskResult, instance: Instance, known: ReadonlyMap<string, EvalResponse>): void {
    const document: DocumentResult = { instance, responses: [], scored: null, error: null };
    task.documents.push(document);
    const requests = [...instance.requests, ...instance.paperRequests];
    const keys = requests.map(requestKey);
    const open = { task, document, keys, missing: 0 };
    for (const [i, key] of keys.entries()) {
      const answer = known.get(key);
      if (answer) this.#answers.set(key, answer);
      const waiting = this.#waiting.get(key);
      if (this.#answers.has(key) || waiting?.at(-1) === open) continue;
      open.missing++;
      if (waiting) waiting.push(open);
      else {
        this.#waiting.set(key, [open]);
        this.requests.push({ key, request: requests[i]!, task: task.task.name, document: instance.docId });
      }
    }
    if (open.missing === 0) this.#score(open);
  }

  #score({ task: { task }, document, keys }: Open): void {
    const { instance } = document;
    const answers = keys.map((key) => this.#answers.get(key)!);
    document.responses = answers.slice(0, instance.requests.length);
    const own = answers.slice(instance.requests.length);
    try {
      document.scored = task.score(instance.doc, document.responses, own.length > 0 ? own : undefined);
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      document.error = error;
      return;
    }
    const shown = firstMetric(task);
    const value = shown && document.scored.find(({ filter }) => filter === shown.filter)?.metrics[shown.name];
    if (shown === null || typeof value !== "number") return;
    const running = this.#running.get(task.name) ?? { task: task.name, metric: shown.name, sum: 0, count: 0 };
    running.sum += value;
    running.count++;
    this.#running.set(task.name, running);
  }
}

/** The metric by which a task is known: the first that is a mean. */
export function firstMetric(task: Task): { filter: string; name: string; info: MetricInfo } | null {
  for (const [filter, metrics] of Object.entries(task.metrics)) {
    for (const [name, info] of Object.entries(metrics)) if (info.aggregation === "mean") return { filter, name, info };
  }
  return null;
}
