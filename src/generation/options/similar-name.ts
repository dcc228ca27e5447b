/** Finds the name that a misspelt one probably means. */

/** More edits than this share of a name make another word. */
const MAX_EDITS = 0.34;

/** The most similar of `names`, without regard to case, hyphens and underscores; undefined if none is similar. */
export function similarName(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.replace(/[_-]/g, "").toLowerCase();
  const typed = plain(name);
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const one of names) {
    const known = plain(one);
    const count = edits(typed, known);
    if (count <= MAX_EDITS * Math.max(typed.length, known.length) && count < fewest) [best, fewest] = [one, count];
  }
  return best;
}

/** Inserted, removed, replaced and swapped letters that make `to` from `from` (Damerau and Levenshtein). */
function edits(from: string, to: string): number {
  // Two long texts would take long; no option has such a name.
  if (from.length > 40) return from.length;
  const rows = [Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
}
