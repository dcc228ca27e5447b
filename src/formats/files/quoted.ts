/** Formats text from a file for an error message: short, on one line, without control characters. */

/** Longer text helps nobody in a message. */
const MAX_SHOWN = 80;
const PLAIN = /^[\w.:/+-]+$/;
// Control characters, line separators and direction marks, which JSON does not escape.
const UNPRINTABLE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** `text` unchanged if it is a plain word, otherwise quoted and escaped; shortened if it is long. */
export function quoted(text: string): string {
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  if (PLAIN.test(short)) return short;
  return JSON.stringify(short).replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
