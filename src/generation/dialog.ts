/** A dialog as Meta's generation.py takes it: messages with roles. Knows no format and no tokens. */

export type Role = "system" | "user" | "assistant" | "tool" | "ipython";

export interface Message {
  role: Role;
  content: string;
}

export type Dialog = readonly Message[];

/** What chatCompletion() returns for a dialog, as in Meta's generation.py: tokens and logprobs only when logprobs were asked for. */
export interface ChatPrediction {
  generation: { role: "assistant"; content: string };
  tokens?: string[];
  logprobs?: number[];
}

/** Python's str.strip(), which takes other characters for white space than JavaScript's trim(). */
export function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start]!)) start++;
  while (end > start && isSpace(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character) || (character >= "\u001C" && character <= "\u001F");
}
