/** The model's words in a text, as ranges that follow the user's changes. Does not know the text area. */
import type { Run, TextState } from "../state/types.js";

/**
 * The state after the user has changed the text: marks move, shrink, or are divided by what is typed into them. `cursor`: where
 * it is after the change; what follows it is what followed before.
 */
export function afterEdit({ text, runs }: TextState, changed: string, cursor: number): TextState {
  const most = Math.min(text.length, changed.length);
  let same = Math.min(most, changed.length - cursor);
  if (!text.endsWith(changed.slice(changed.length - same))) same = 0;
  let start = 0;
  while (start < most - same && text[start] === changed[start]) start++;
  while (same < most - start && text[text.length - 1 - same] === changed[changed.length - 1 - same]) same++;
  return { text: changed, runs: afterSplice(runs, start, text.length - same, changed.length - same) };
}

/** Marks after the part from `start` to `end` has become one that ends at `newEnd`, without a mark. */
export function afterSplice(runs: readonly Run[], start: number, end: number, newEnd: number): Run[] {
  const shift = newEnd - end;
  return runs.flatMap((run) => {
    const before = { start: run.start, end: Math.min(run.end, start) };
    const after = { start: Math.max(run.start, end) + shift, end: run.end + shift };
    return [before, after].filter((part) => part.end > part.start);
  });
}

/** Puts the model's words at a place; marks that touch stay apart, so that each run keeps its own. */
export function withRun({ text, runs }: TextState, at: number, words: string): TextState {
  const moved = afterSplice(runs, at, at, at + words.length);
  const run = { start: at, end: at + words.length };
  const all = words === "" ? moved : [...moved, run].sort((a, b) => a.start - b.start);
  return { text: text.slice(0, at) + words + text.slice(at), runs: all };
}

/** The text before a place, with its marks. */
export function upTo({ text, runs }: TextState, end: number): TextState {
  return { text: text.slice(0, end), runs: afterSplice(runs, end, text.length, end) };
}

/** The text as parts, marked or not. */
export function partsOf({ text, runs }: TextState): { text: string; isModel: boolean; start: number }[] {
  const parts: { text: string; isModel: boolean; start: number }[] = [];
  let at = 0;
  const add = (end: number, isModel: boolean) => {
    if (end > at) parts.push({ text: text.slice(at, end), isModel, start: at });
    at = Math.max(at, end);
  };
  for (const run of runs) {
    add(run.start, false);
    add(run.end, true);
  }
  add(text.length, false);
  return parts;
}
