/** Strips white space as Python does, to get the results of Meta's code and lm-evaluation-harness. JavaScript's trim() strips other characters. */

const SPACE = /\p{White_Space}/u;

/** str.isspace() of one character */
export function isSpace(character: string): boolean {
  return SPACE.test(character) || (character >= "\u001c" && character <= "\u001f");
}

/** str.strip() */
export function strip(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text[start]!)) start++;
  return stripEnd(text.slice(start));
}

/** str.rstrip() */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1]!)) end--;
  return text.slice(0, end);
}
