/** Makes a task of multiple choice: one request for each choice, and the likeliest one is the answer. */
import { LlamaError } from "../../error.js";
import type { MetricInfo } from "../metrics/metric.js";
import { characterCount } from "../python/text.js";
import type { Doc, EvalRequest, EvalResponse, LikelihoodResponse, Scored, Task } from "./task.js";

export const ACCURACY: MetricInfo = { aggregation: "mean", higherIsBetter: true, isBinary: true };
/** A measure of the paper's that lm-evaluation-harness lacks for the task. */
export const OWN_ACCURACY: MetricInfo = { ...ACCURACY, own: true };

export type ChoiceMetric = "acc" | "acc_norm" | "acc_answer";

type Given = "name" | "version" | "title" | "source" | "licence" | "data" | "split" | "examples" | "excludesDocument";
type Optional = "alias" | "paper" | "description" | "targetDelimiter" | "defaultShots" | "hasFixedShots" | "documents";

export interface ChoiceDefinition extends Pick<Task, Given>, Partial<Pick<Task, Optional>> {
  text(doc: Doc): string;
  choices(doc: Doc): readonly string[];
  /** Index of the right choice; an index outside them is never right. */
  gold(doc: Doc): number;
  /** Default: acc of lm-evaluation-harness alone. */
  metrics?: Readonly<Partial<Record<ChoiceMetric, MetricInfo>>>;
}

export function choiceTask(definition: ChoiceDefinition): Task {
  const { text, choices, gold, metrics = { acc: ACCURACY }, ...rest } = definition;
  const delimiter = definition.targetDelimiter ?? " ";
  return {
    output: "multiple_choice",
    defaultShots: 0,
    description: "",
    fewshotDelimiter: "\n\n",
    ...rest,
    documents: (rows) => withAnswers(definition, definition.documents?.(rows) ?? [...rows]),
    targetDelimiter: delimiter,
    metrics: { none: metrics as Record<string, MetricInfo> },
    exampleText: text,
    exampleAnswer: (doc) => rightChoice(definition.name, choices(doc), gold(doc)),
    target: gold,
    requests: (doc, prefix) => choiceRequests(prefix + text(doc), choices(doc), delimiter),
    ...(metrics.acc_answer && { paperRequests: (doc) => choiceRequests("Answer:", choices(doc), delimiter) }),
    score(doc, responses, paperResponses) {
      const sums = sumsOf(responses);
      const base = paperResponses && sumsOf(paperResponses);
      const values = choiceMetrics(choices(doc), sums, gold(doc), base);
      const named = Object.keys(metrics).flatMap((name) => {
        const value = values[name as ChoiceMetric];
        return value === undefined ? [] : [[name, value] as const];
      });
      return [{ filter: "none", filtered: pairsOf(responses), metrics: Object.fromEntries(named) }];
    },
  };
}

/** Throws LlamaError (usage) if no document has a right answer, as in data whose answers are not published. */
function withAnswers({ name, choices, gold }: ChoiceDefinition, docs: Doc[]): Doc[] {
  if (docs.length === 0 || docs.some((doc) => choices(doc)[gold(doc)] !== undefined)) return docs;
  const expected = `from 0 to ${choices(docs[0]!).length - 1}`;
  throw new LlamaError("usage", "no document has a right answer", {
    where: name,
    expected,
    found: String(gold(docs[0]!)),
  });
}

function choiceRequests(context: string, choices: readonly string[], delimiter: string): EvalRequest[] {
  return choices.map((choice) => ({ kind: "loglikelihood", context, continuation: delimiter + choice }));
}

export function rightChoice(task: string, choices: readonly string[], gold: number): string {
  const choice = choices[gold];
  if (choice !== undefined) return choice;
  const expected = `an index from 0 to ${choices.length - 1}`;
  throw new LlamaError("usage", "an example has no right answer", { where: task, expected, found: String(gold) });
}

/** Whether the likeliest choice is the right one, by three measures. */
function choiceMetrics(
  choices: readonly string[],
  sums: readonly number[],
  gold: number,
  base: readonly number[] | undefined,
): Partial<Record<ChoiceMetric, number>> {
  const right = (values: readonly number[]) => (firstMaximum(values) === gold ? 1 : 0);
  return {
    acc: right(sums),
    acc_norm: right(sums.map((sum, i) => sum / characterCount(choices[i]!))),
    ...(base && { acc_answer: right(sums.map((sum, i) => sum - base[i]!)) }),
  };
}

/** numpy.argmax: the first of equal maxima; NaN counts as the largest. */
export function firstMaximum(values: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < values.length && !Number.isNaN(values[best]); i++) {
    if (Number.isNaN(values[i]) || values[i]! > values[best]!) best = i;
  }
  return best;
}

export function sumsOf(responses: readonly EvalResponse[]): number[] {
  return responses.map((response) => (response as LikelihoodResponse).logLikelihood);
}

/** The responses as samples show them. */
export function pairsOf(responses: readonly EvalResponse[]): Scored["filtered"] {
  return (responses as readonly LikelihoodResponse[]).map(({ logLikelihood, greedy }) => [logLikelihood, greedy]);
}
