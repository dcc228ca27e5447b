/** Compares a generated text with reference answers, by the rules of lm-evaluation-harness (of Hugging Face's evaluate) and of the LLaMA paper. */
import { characterCount } from "../python/text.js";

/** What is deleted from a text, in this order, before texts are compared. */
export type Deletion = (text: string) => string;

export interface MatchRules {
  deletions?: readonly Deletion[];
  ignoresCase?: boolean;
  ignoresPunctuation?: boolean;
}

/** Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/** Whether the text equals one of the references after the rules have been applied to both. */
export function exactMatch(text: string, references: readonly string[], rules: MatchRules): boolean {
  const [normal] = normalised([text], rules);
  return normalised(references, rules).includes(normal!);
}

function normalised(texts: readonly string[], rules: MatchRules): string[] {
  const { deletions = [], ignoresCase = false, ignoresPunctuation = false } = rules;
  // numpy keeps the texts of an array in fields of one length, and drops zero characters at their ends.
  let field = texts.map((text) => deletions.reduce((rest, remove) => remove(rest), text).replace(/\0+$/, ""));
  if (ignoresCase) {
    const length = Math.max(...field.map(characterCount));
    field = field.map((text) => cut(text.toLowerCase(), length));
  }
  return ignoresPunctuation ? field.map((text) => text.replace(PUNCTUATION, "").replace(/\0+$/, "")) : field;
}

/** The first characters: a letter whose lower case has two may not fit the field. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : [...text].slice(0, length).join("");
}

/** Deletes every match; the pattern must be global. */
export const without =
  (pattern: RegExp): Deletion =>
  (text) =>
    text.replace(pattern, "");

/** Deletes everything up to the last occurrence of `mark`, as the pattern (?s).*MARK does. */
export const withoutBefore =
  (mark: string): Deletion =>
  (text) => {
    const at = text.lastIndexOf(mark);
    return at < 0 ? text : text.slice(at + mark.length);
  };

/** The paper's rule for closed-book answers: lower case, without articles, punctuation and doubled spaces. */
export function paperMatch(text: string, references: readonly string[]): boolean {
  const answer = plain(text);
  return references.some((reference) => plain(reference) === answer);
}

function plain(text: string): string {
  const words = text.toLowerCase().replace(PUNCTUATION, "").split(/\s+/);
  return words.filter((word) => !/^(a|an|the|)$/.test(word)).join(" ");
}
