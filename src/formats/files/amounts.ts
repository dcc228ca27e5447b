/** Formats amounts for messages: bytes, counts of things, the first few of many names. */
import { quoted } from "./quoted.js";

/** "26.4 GB", "1.53 MB" */
export function showBytes(bytes: number): string {
  const { unit, size } = unitOf(bytes);
  const scaled = bytes / size;
  return `${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)} ${unit}`;
}

/** "7.1 of 13.5 GB" */
export function showPart(bytes: number, total: number): string {
  const { unit, size } = unitOf(total);
  return `${(bytes / size).toFixed(1)} of ${(total / size).toFixed(1)} ${unit}`;
}

function unitOf(bytes: number): { unit: string; size: number } {
  return bytes >= 1e9 ? { unit: "GB", size: 1e9 } : { unit: "MB", size: 1e6 };
}

/** "1 file", "2 files"; `show` formats the number. */
export function plural(amount: number, noun: string, show: (amount: number) => string = String): string {
  return `${show(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

/** The first three names, and the number of the others. */
export function firstFew(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).map(quoted).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
