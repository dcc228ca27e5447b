/** WikiText-2: the perplexity of whole articles. */
import { TEXT } from "../data/columns.js";
import type { MetricInfo } from "../metrics/metric.js";
import { WIKITEXT_RAW } from "../originals/wikitext-raw.js";
import { pieceCount, strip } from "../python/text.js";
import { sumsOf } from "../tasks/choice-task.js";
import type { Task } from "../tasks/task.js";

const PERPLEXITY: MetricInfo = { aggregation: "weighted_perplexity", higherIsBetter: false };

type Replacement = readonly [from: string, to: string];

/** The marks that the makers of the data put around signs within words and numbers, and the spaces before punctuation. */
const PUNCTUATION: readonly Replacement[] = [
  ...[" @-@ ", " @,@ ", " @.@ "].map((mark): Replacement => [mark, mark[2]!]),
  ...[" : ", " ; ", " . ", " ! ", " ? ", " , "].map((mark): Replacement => [mark, mark.slice(1)]),
];
const PAIRS = ["()", "[]", "{}", '""', "''"];
const REST: readonly Replacement[] = [
  ...(["= = = =", "= = =", "= ="].map((mark) => [mark, mark.replaceAll(" ", "")]) as Replacement[]),
  [" \u00b0 ", "\u00b0"],
  [" \n", "\n"],
  ["\n ", "\n"],
  [" N ", " 1 "],
  [" 's", "'s"],
];

/**
 * The page without the marks of its tokenization, as lm-evaluation-harness' wikitext_detokenizer. The slashes of the first
 * pattern are part of what it looks for there.
 */
export function detokenized(page: string): string {
  const start = page.replaceAll("s '", "s'").replace(/\/' [0-9]\//g, "/'[0-9]/");
  const spaced = replaced(start, PUNCTUATION);
  const inner = PAIRS.reduce((text, [open, close]) => withoutInnerSpace(text, open!, close!), spaced);
  return replaced(inner, REST);
}

function replaced(text: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((rest, [from, to]) => rest.replaceAll(from, to), text);
}

/** Python's re.sub(r"\(\s*([^\)]*?)\s*\)", r"(\1)") for any pair; a pattern would be slow for brackets that never close. */
function withoutInnerSpace(text: string, open: string, close: string): string {
  const parts: string[] = [];
  let from = 0;
  for (;;) {
    const start = text.indexOf(open, from);
    const end = start < 0 ? -1 : text.indexOf(close, start + 1);
    if (end < 0) return parts.join("") + text.slice(from);
    parts.push(text.slice(from, start + 1), strip(text.slice(start + 1, end)), close);
    from = end + 1;
  }
}

export const WIKITEXT: Task = {
  name: "wikitext",
  version: 2,
  title: "WikiText-2: perplexity of articles",
  source: "EleutherAI/wikitext_document_level",
  licence: "CC BY-SA 3.0",
  output: "loglikelihood_rolling",
  data: {
    folders: ["wikitext"],
    downloads: ["wikitext_document_level"],
    configs: ["wikitext-2-raw-v1"],
    columns: { page: TEXT },
    originals: WIKITEXT_RAW,
  },
  split: "test",
  examples: { fixed: [] },
  excludesDocument: false,
  defaultShots: 0,
  hasFixedShots: true,
  metrics: {
    none: {
      word_perplexity: PERPLEXITY,
      byte_perplexity: PERPLEXITY,
      bits_per_byte: { aggregation: "bits_per_byte", higherIsBetter: false },
    },
  },
  description: "",
  targetDelimiter: " ",
  fewshotDelimiter: "\n\n",
  documents: (rows) => [...rows],
  exampleText: () => "",
  exampleAnswer: ({ page }) => detokenized(page as string),
  target: ({ page }) => detokenized(page as string),
  requests: ({ page }) => [{ kind: "rolling", context: detokenized(page as string), continuation: "" }],
  score: (doc, responses) => {
    const [sum] = sumsOf(responses) as [number];
    // Words and bytes are those of the page as it is in the data.
    const page = doc.page as string;
    const bytes = Buffer.byteLength(page);
    const metrics = {
      word_perplexity: [sum, pieceCount(page)] as const,
      byte_perplexity: [sum, bytes] as const,
      bits_per_byte: [sum, bytes] as const,
    };
    return [{ filter: "none", filtered: [sum], metrics }];
  },
};
