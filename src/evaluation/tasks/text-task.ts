/** Makes a task whose measure is the perplexity of whole texts. */
import type { MetricInfo } from "../metrics/metric.js";
import { pieceCount } from "../python/text.js";
import { sumsOf } from "./choice-task.js";
import type { Doc, LikelihoodResponse, Task } from "./task.js";

type Given = "name" | "version" | "title" | "source" | "licence" | "data" | "split";

export interface TextDefinition extends Pick<Task, Given>, Partial<Pick<Task, "documents">> {
  /** What is scored. */
  text(doc: Doc): string;
  /** What words and bytes are counted in. */
  counted(doc: Doc): string;
}

/** The same without log P(BOS | BOS), which lm-evaluation-harness adds where a tokenizer begins texts with BOS. */
const OF_TEXT = "_of_text";
const PERPLEXITY: MetricInfo = { aggregation: "weighted_perplexity", higherIsBetter: false };

const METRICS: Readonly<Record<string, MetricInfo>> = {
  word_perplexity: PERPLEXITY,
  byte_perplexity: PERPLEXITY,
  bits_per_byte: { ...PERPLEXITY, aggregation: "bits_per_byte" },
};
const OWN_METRICS = Object.fromEntries(
  Object.entries(METRICS).map(([name, info]) => [name + OF_TEXT, { ...info, own: true }]),
);

export function textTask({ text, counted, ...rest }: TextDefinition): Task {
  return {
    output: "loglikelihood_rolling",
    examples: { fixed: [] },
    excludesDocument: false,
    defaultShots: 0,
    hasFixedShots: true,
    metrics: { none: { ...METRICS, ...OWN_METRICS } },
    description: "",
    targetDelimiter: " ",
    fewshotDelimiter: "\n\n",
    documents: (rows) => [...rows],
    ...rest,
    exampleText: () => "",
    exampleAnswer: text,
    target: text,
    requests: (doc) => [{ kind: "rolling", context: text(doc), continuation: "" }],
    score: (doc, responses) => {
      const [sum] = sumsOf(responses) as [number];
      const bytes = Buffer.byteLength(counted(doc));
      const measures = (logLikelihood: number) => ({
        word_perplexity: [logLikelihood, pieceCount(counted(doc))] as const,
        byte_perplexity: [logLikelihood, bytes] as const,
        bits_per_byte: [logLikelihood, bytes] as const,
      });
      const { bos } = responses[0] as LikelihoodResponse;
      const own = bos === undefined ? [] : Object.entries(measures(sum - bos));
      const metrics = { ...measures(sum), ...Object.fromEntries(own.map(([name, value]) => [name + OF_TEXT, value])) };
      return [{ filter: "none", filtered: [sum], metrics }];
    },
  };
}
