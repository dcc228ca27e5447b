/** WikiText-2: the perplexity of whole articles. */
import { TEXT } from "../data/columns.js";
import { WIKITEXT_RAW } from "../originals/wikitext-raw.js";
import { strip } from "../python/text.js";
import type { Task } from "../tasks/task.js";
import { textTask } from "../tasks/text-task.js";

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

/** Words and bytes are those of the page as it is in the data. */
export const WIKITEXT: Task = textTask({
  name: "wikitext",
  version: 2,
  title: "WikiText-2: perplexity of articles",
  source: "EleutherAI/wikitext_document_level",
  licence: "CC BY-SA 3.0",
  data: {
    folders: ["wikitext"],
    downloads: ["wikitext_document_level"],
    configs: ["wikitext-2-raw-v1"],
    columns: { page: TEXT },
    originals: WIKITEXT_RAW,
  },
  split: "test",
  text: ({ page }) => detokenized(page as string),
  counted: ({ page }) => page as string,
});
