/** Python's ways with text where JavaScript's differ: white space, capitalize, characters. Does not know what the text is for. */

import { strip } from "../../tokenizer/encoding/python-whitespace.js";

export { strip };

/** str.lstrip() */
export function stripStart(text: string): string {
  return strip(`${text}.`).slice(0, -1);
}

/** The characters of Python's \s in a pattern for str, to put between brackets; JavaScript's \s has others. */
export const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

/** Runs of white space. */
const SPACE_RUN = new RegExp(`[${SPACES}]+`, "g");

/** len(re.split(r"\s+", text)): an empty piece at an end counts. */
export function pieceCount(text: string): number {
  return (text.match(SPACE_RUN)?.length ?? 0) + 1;
}

/** len(text): Unicode code points. */
export function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** str.isdigit() as far as ASCII goes: whether lm-evaluation-harness reads a rendered text as a number. */
export function isDigits(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

/** str.capitalize(): the first character in title case, the others in lower case. */
export function capitalize(text: string): string {
  const point = text.codePointAt(0);
  if (point === undefined) return "";
  const first = String.fromCodePoint(point);
  // The whole text is lowered, as a sigma depends on what is before it.
  return titleCase(first, point) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** A digraph of two letters in one character has a title case of its own: by its upper case, lower case and title case. */
const DIGRAPHS: readonly string[] = [
  "\u01c4\u01c6\u01c5",
  "\u01c7\u01c9\u01c8",
  "\u01ca\u01cc\u01cb",
  "\u01f1\u01f3\u01f2",
];
const IOTA = "\u0399";
const IOTA_BELOW = "\u0345";

/** Title case of a character (Unicode's SpecialCasing and Titlecase_Mapping), which JavaScript has no function for. */
function titleCase(character: string, point: number): string {
  const digraph = DIGRAPHS.find((forms) => forms.includes(character));
  if (digraph !== undefined) return digraph[2]!;
  // Georgian letters have upper case but no title case; an apostrophe with n has both letters in one.
  if (point >= 0x10d0 && point <= 0x10ff) return character;
  if (point === 0x149) return "\u02bcN";
  const upper = character.toUpperCase();
  if (upper.length === character.length) return upper;
  // Greek vowels with a small iota below, which becomes a letter of its own only in upper case
  if (point >= 0x1f80 && point <= 0x1faf) return String.fromCodePoint(point | 8);
  if (point >= 0x1fb2 && upper.endsWith(IOTA)) {
    const title = upper.slice(0, -1) + IOTA_BELOW;
    return upper.length === 2 ? title.normalize("NFC") : title;
  }
  return upper[0] + upper.slice(1).toLowerCase();
}
