/** Makes text that comes from a file fit for an error message: short, on one line, without control characters. */

/** Longer text helps nobody in a message. */
const MAX_SHOWN = 80;
const PLAIN = /^[\w.:/+-]+$/;
// Control characters, line separators and direction marks, which JSON leaves as they are.
const UNPRINTABLE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** `text` as it is when it is a plain word, else quoted and escaped; cut when long. */
export function quoted(text: string): string {
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  if (PLAIN.test(short)) return short;
  return JSON.stringify(short).replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
