/** A value out of JSON before anything is known of it: whether it is an object, and how it stands in a message. Knows no key. */
import { quoted } from "./quoted.js";

/** Whether a value has keys: neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value fit for a message, text in quotes; not looked into, since it may be deep. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = quoted(String(value));
  return typeof value === "string" && !text.startsWith('"') ? `"${text}"` : text;
}

/** The same of a value that should have been one of some words: text without quotes. */
export function showWord(value: unknown): string {
  return typeof value === "string" ? quoted(value) : showValue(value);
}
