/** Finds the answer in a generated text, as lm-evaluation-harness' filters do. */
import { strip } from "../python/text.js";

/** What a filter gives where it finds nothing. */
export const INVALID = "[invalid]";

/** The first or last match's first group that is not empty, stripped. The pattern must be global. */
export function extract(text: string, pattern: RegExp, which: "first" | "last"): string {
  const match = [...text.matchAll(pattern)].at(which === "first" ? 0 : -1);
  const group = match?.slice(1).find((one) => one !== undefined && one !== "");
  return group === undefined ? INVALID : strip(group);
}

/** The most frequent text; of equally frequent ones the first (collections.Counter.most_common). */
export function majority(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return texts.find((text) => counts.get(text) === most)!;
}
