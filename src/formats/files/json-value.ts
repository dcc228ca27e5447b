/** Checks whether an unknown JSON value is an object, and formats such a value for an error message. */
import { quoted } from "./quoted.js";

/** Whether a value is an object with keys: neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Formats a value for a message, text in quotes; does not walk objects, which may be deep. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = quoted(String(value));
  return typeof value === "string" && !text.startsWith('"') ? `"${text}"` : text;
}

/** The same for a value that should be one of a few words: text without quotes. */
export function showWord(value: unknown): string {
  return typeof value === "string" ? quoted(value) : showValue(value);
}
