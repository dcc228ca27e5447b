/** Finds the documents whose answer differs between two outputs, and how far log-likelihoods are apart. */
import type { Sample } from "./read-samples.js";

export interface ChangedAnswer {
  docId: number;
  /** The answers as texts: the likeliest choice, or what was generated. */
  a: string;
  b: string;
  /** Whether the right answer was lost or won by the second; "neither" where both are wrong or nothing says. */
  effect: "lost" | "won" | "neither";
  /** By how much the log-likelihoods moved towards the other choice; 0 for texts. */
  size: number;
}

export interface ChangedAnswers {
  task: string;
  filter: string;
  count: number;
  /** Lost ones first, then by size. */
  changed: ChangedAnswer[];
  /** |a - b| over all log-likelihoods; null for texts. */
  likelihoods: { mean: number; largest: number } | null;
}

const ORDER = ["lost", "won", "neither"];

/** Null for documents without an answer, such as whole texts whose likelihood is measured. */
export function changedAnswers(
  task: string,
  filter: string,
  pairs: readonly (readonly [Sample, Sample])[],
): ChangedAnswers | null {
  const changed: ChangedAnswer[] = [];
  const distances: number[] = [];
  for (const [a, b] of pairs) {
    for (const [i, value] of a.likelihoods.entries()) {
      const distance = Math.abs(value - (b.likelihoods[i] ?? Number.NaN));
      if (Number.isFinite(distance)) distances.push(distance);
    }
    const [one, other] = [answerOf(a), answerOf(b)];
    if (one === null || other === null || one.key === other.key) continue;
    const margin = ({ likelihoods }: Sample, up: number, down: number) => likelihoods[up]! - likelihoods[down]!;
    const isChoice = a.likelihoods.length > 0;
    const size = isChoice ? margin(a, one.index, other.index) + margin(b, other.index, one.index) : 0;
    changed.push({ docId: a.docId, a: one.text, b: other.text, effect: effectOf(a, b), size });
  }
  const [first] = pairs;
  if (first === undefined || (answerOf(first[0]) === null && distances.length === 0)) return null;
  changed.sort((x, y) => ORDER.indexOf(x.effect) - ORDER.indexOf(y.effect) || y.size - x.size);
  const sum = distances.reduce((total, distance) => total + distance, 0);
  const likelihoods =
    distances.length === 0
      ? null
      : { mean: sum / distances.length, largest: distances.reduce((a, b) => Math.max(a, b)) };
  return { task, filter, count: pairs.length, changed, likelihoods };
}

/** What a document was answered: the first of the likeliest choices, or the texts. */
function answerOf({ likelihoods, continuations, texts }: Sample): { key: string; text: string; index: number } | null {
  if (texts.length > 0) return { key: JSON.stringify(texts), text: texts[0]!, index: 0 };
  if (likelihoods.length < 2) return null;
  const index = likelihoods.indexOf(Math.max(...likelihoods));
  return { key: String(index), text: continuations[index] ?? "", index };
}

/** By the first metric that says 1 for one and 0 for the other. */
function effectOf(a: Sample, b: Sample): ChangedAnswer["effect"] {
  for (const [name, value] of Object.entries(a.metrics)) {
    const other = b.metrics[name];
    if (value === 1 && other === 0) return "lost";
    if (value === 0 && other === 1) return "won";
  }
  return "neither";
}
