/** WikiText as its makers give it: one text of many articles, each begun by a line " = Title = ". */
import type { OriginalForm } from "../data/data-needs.js";
import type { Row } from "../data/row.js";
import { strip } from "../python/text.js";

const names = (split: string) => [`wiki.${split}.raw`, `wikitext-2-raw/wiki.${split}.raw`];

export const WIKITEXT_RAW: readonly OriginalForm[] = [0, 1].map((i) => ({
  paths: { train: [names("train")[i]!], validation: [names("valid")[i]!], test: [names("test")[i]!] },
  rows: ([files]) => articles(files![0]!.text),
}));

/** As the data set EleutherAI/wikitext_document_level divides it. */
function articles(text: string): Row[] {
  const pages: string[][] = [[]];
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    const heading = strip(line.replaceAll("= = =", "===").replaceAll("= =", "=="));
    if (heading.startsWith("= ") && heading.endsWith(" =")) pages.push([]);
    pages.at(-1)!.push(line);
  }
  return pages.flatMap((lines) => {
    const page = lines.join("\n");
    return strip(page) === "" ? [] : [{ page }];
  });
}
