/** Makes a task whose measure is the perplexity of whole texts. */
import type { MetricInfo } from "../metrics/metric.js";
import { pieceCount } from "../python/text.js";
import { sumsOf } from "./choice-task.js";
import type { Doc, Task } from "./task.js";

type Given = "name" | "version" | "title" | "source" | "licence" | "data" | "split";

export interface TextDefinition extends Pick<Task, Given>, Partial<Pick<Task, "documents">> {
  /** What is scored. */
  text(doc: Doc): string;
  /** What words and bytes are counted in. */
  counted(doc: Doc): string;
}

const PERPLEXITY: MetricInfo = { aggregation: "weighted_perplexity", higherIsBetter: false };

export function textTask({ text, counted, ...rest }: TextDefinition): Task {
  return {
    output: "loglikelihood_rolling",
    examples: { fixed: [] },
    excludesDocument: false,
    defaultShots: 0,
    hasFixedShots: true,
    metrics: {
      none: {
        word_perplexity: PERPLEXITY,
        byte_perplexity: PERPLEXITY,
        bits_per_byte: { ...PERPLEXITY, aggregation: "bits_per_byte" },
      },
    },
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
      const metrics = {
        word_perplexity: [sum, pieceCount(counted(doc))] as const,
        byte_perplexity: [sum, bytes] as const,
        bits_per_byte: [sum, bytes] as const,
      };
      return [{ filter: "none", filtered: [sum], metrics }];
    },
  };
}
