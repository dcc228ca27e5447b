/** Makes a task whose answers are generated: texts until a stop, filters on them, and comparisons with the right answers. */
import { ACCURACY, OWN_ACCURACY } from "./choice-task.js";
import type { Doc, EvalRequest, EvalResponse, Task, TextResponse } from "./task.js";

/** A way to score the texts of a document. */
export interface AnswerFilter {
  name: string;
  /** The answer in the texts of all samples. */
  apply(texts: readonly string[]): string;
  /** Whether the answer is right; by metric. */
  metrics: Readonly<Record<string, (answer: string, doc: Doc) => boolean>>;
}

/** How texts are sampled; without it they are greedy. */
export interface Sampling {
  /** Samples of each document. */
  count: number;
  temperature: number;
  topP?: number;
}

type Given = "name" | "version" | "title" | "source" | "licence" | "data" | "split" | "examples" | "excludesDocument";
type Optional = "paper" | "description" | "fewshotDelimiter" | "targetDelimiter" | "defaultShots" | "documents";

export interface AnswerDefinition
  extends Pick<Task, Given>,
    Partial<Pick<Task, Optional | "hasFixedShots" | "completions">> {
  text(doc: Doc): string;
  target(doc: Doc): string | readonly string[];
  /** The answer of an example if it is not the first target. */
  exampleAnswer?(doc: Doc): string;
  until: readonly string[];
  maxGenToks?: number;
  sampling?: Sampling;
  /** Of the sampling and the stops, as lm-evaluation-harness writes them. */
  generationKwargs: Readonly<Record<string, unknown>>;
  filters: readonly AnswerFilter[];
  /** Metrics that lm-evaluation-harness lacks for the task. */
  own?: readonly string[];
}

/** The first of the seeds of samples; each sample of a document has its own. */
const FIRST_SEED = 1234;

export function answerTask(definition: AnswerDefinition): Task {
  const { text, target, exampleAnswer, until, maxGenToks, sampling, filters, own = [], ...rest } = definition;
  const settings = { until, ...(maxGenToks !== undefined && { maxGenToks }) };
  const infos = (filter: AnswerFilter) =>
    Object.keys(filter.metrics).map((name) => [name, own.includes(name) ? OWN_ACCURACY : ACCURACY] as const);
  return {
    output: "generate_until",
    defaultShots: 0,
    description: "",
    targetDelimiter: " ",
    fewshotDelimiter: "\n\n",
    documents: (rows) => [...rows],
    ...rest,
    metrics: Object.fromEntries(filters.map((filter) => [filter.name, Object.fromEntries(infos(filter))])),
    exampleText: text,
    exampleAnswer: (doc) => {
      const answer = exampleAnswer?.(doc) ?? target(doc);
      // An empty text is no answer for lm-evaluation-harness; an empty first one of several is.
      return typeof answer === "string" ? answer || null : answer[0]!;
    },
    target,
    requests: (doc, prefix) => {
      const request: EvalRequest = { kind: "generate", context: prefix + text(doc), continuation: "", ...settings };
      return sampling ? samples(request, sampling) : [request];
    },
    score: (doc, responses) => {
      const texts = textsOf(responses);
      return filters.map((filter) => {
        const answer = filter.apply(texts);
        const entries = Object.entries(filter.metrics).map(([name, isRight]) => [name, Number(isRight(answer, doc))]);
        return { filter: filter.name, filtered: [answer], metrics: Object.fromEntries(entries) };
      });
    },
  };
}

function samples(request: EvalRequest, { count, temperature, topP }: Sampling): EvalRequest[] {
  const settings = { temperature, ...(topP !== undefined && { topP }) };
  return Array.from({ length: count }, (_, i) => ({ ...request, ...settings, seed: FIRST_SEED + i }));
}

export function textsOf(responses: readonly EvalResponse[]): string[] {
  return responses.map((response) => (response as TextResponse).text);
}
