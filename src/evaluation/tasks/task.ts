/** What a task is: a benchmark with its data, its texts, its requests to a model, and how its answers are scored. Does not know models and files. */
import type { DataNeeds } from "../data/data-needs.js";
import type { Row, Split } from "../data/row.js";
import type { MetricInfo, MetricValue } from "../metrics/metric.js";

/** A document: a row of the data, with the fields that the task adds to it in lm-evaluation-harness (which are part of its hash). */
export type Doc = Row;

export interface EvalRequest {
  /** "loglikelihood" of the continuation after the context; "rolling": of the context itself, whose continuation is empty; "generate". */
  kind: "loglikelihood" | "rolling" | "generate";
  context: string;
  continuation: string;
  /** Only of "generate": the text is cut at the first of these. */
  until?: readonly string[];
  /** Only of "generate". Default: 256. */
  maxGenToks?: number;
  /** Only of "generate". Default: greedy. */
  temperature?: number;
  /** Only of "generate" with a temperature. Default: all tokens. */
  topP?: number;
  /** Only of "generate" with a temperature: the seed of its own sampler. */
  seed?: number;
}

export interface LikelihoodResponse {
  /** Sum of the natural log-probabilities of the continuation's tokens. */
  logLikelihood: number;
  /** Whether greedy decoding would generate the continuation. */
  greedy: boolean;
  /** Tokens of the continuation, for measures per token. */
  tokens?: number;
  /** Of "rolling" where the tokenizer begins texts with BOS: the log-probability of that BOS, which is part of the sum. */
  bos?: number;
}

export interface TextResponse {
  text: string;
}

export type EvalResponse = LikelihoodResponse | TextResponse;

/** What one filter made of the responses to a document, and the metrics of that. lm-evaluation-harness writes a sample for each. */
export interface Scored {
  /** "none" if the task has no filters. */
  filter: string;
  /** The responses after the filter: pairs [log-likelihood, greedy], or texts. */
  filtered: unknown[];
  /** By the metric's name, without the filter. */
  metrics: Record<string, MetricValue>;
}

export type OutputType = "multiple_choice" | "loglikelihood_rolling" | "generate_until";

/** Of the models 7B, 13B, 33B and 65B. */
export type PaperValues = readonly [number | null, number | null, number | null, number | null];

/** A figure of the LLaMA paper (arXiv 2302.13971). */
export interface PaperFigure {
  /** The metric here that is closest to the paper's: "acc_norm,none". */
  metric: string;
  /** In per cent, unless the metric is another measure; null where the paper gives no value. */
  values: PaperValues;
  /** null where the paper does not say how many. */
  shots: number | null;
  /** The table of the paper, and its way of scoring. */
  setting: string;
}

/** Where the few-shot examples come from. */
export type Examples =
  /** Drawn at random for each document from a split; `first`: the same first ones for every document. */
  | { from: Split; first?: boolean }
  /** Texts that are part of the task; the first of them are taken. */
  | { fixed: readonly Doc[] };

export interface Task {
  name: string;
  /** The name within its group, if lm-evaluation-harness shows that. */
  alias?: string;
  /** As lm-evaluation-harness counts them. */
  version: number;
  title: string;
  /** The data set on Hugging Face, and its licence. */
  source: string;
  licence: string;
  output: OutputType;
  data: DataNeeds;
  /** The split that is evaluated. */
  split: Split;
  examples: Examples;
  /**
   * Whether a document is removed from its own examples. lm-evaluation-harness then draws one more; otherwise a document can
   * be its own example if both come from one split.
   */
  excludesDocument: boolean;
  /** Number of examples if none is chosen. */
  defaultShots: number;
  /** Set where a chosen number of examples changes nothing. */
  hasFixedShots?: boolean;
  /** Metrics by filter and name, in the order in which they are shown: { none: { acc: ... } }. */
  metrics: Readonly<Record<string, Readonly<Record<string, MetricInfo>>>>;
  paper?: readonly PaperFigure[];
  /** The text before the examples. */
  description: string;
  targetDelimiter: string;
  fewshotDelimiter: string;
  /** Of "generate" requests, as lm-evaluation-harness writes them in samples. */
  generationKwargs?: Readonly<Record<string, unknown>>;
  /** Documents of rows, in their order: rows of other tasks in the same files are left out, fields are added. */
  documents(rows: readonly Row[]): Doc[];
  /** The text of an example, before the delimiter and its answer. */
  exampleText(doc: Doc): string;
  /** The answer of an example; null where nothing follows the text, not even a delimiter. Throws LlamaError for a document without a right answer. */
  exampleAnswer(doc: Doc): string | null;
  /** The right answer as samples name it: a text, an index of choices, or several texts. */
  target(doc: Doc): string | number | readonly string[];
  /** The requests for a document, in the order of the responses; `prefix`: description and examples. */
  requests(doc: Doc, prefix: string): EvalRequest[];
  /** Requests for the paper's own measures, which lm-evaluation-harness does not make. Many documents have the same. */
  paperRequests?(doc: Doc): EvalRequest[];
  /** Scores the responses to `requests` and, if they were made, to `paperRequests`; one entry a filter, in the order of `metrics`. */
  score(doc: Doc, responses: readonly EvalResponse[], paperResponses?: readonly EvalResponse[]): Scored[];
  /** Of tasks that are scored elsewhere: the lines that their scorer reads, for each response. They have no metrics. */
  completions?(doc: Doc, responses: readonly EvalResponse[]): Record<string, unknown>[];
}

/** Tasks under one name. */
export interface TaskGroup {
  name: string;
  alias?: string;
  title: string;
  /** Names of tasks or groups. */
  members: readonly string[];
  /** Metrics that are averaged over the documents of all members; empty if the name only means its members. */
  metrics: readonly string[];
  version: number;
  paper?: readonly PaperFigure[];
}
