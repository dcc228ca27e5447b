/** Reads values of JSON that came over the network; what is not as it should be is null. Does not know what they mean. */

/** Longest JSON of a group's messages. */
const MAX_BYTES = 256 << 10;
const MAX_TEXT = 4096;

export type JsonObject = Readonly<Record<string, unknown>>;

/** An object from bytes; null if they are too many, not UTF-8, not JSON or no object. */
export function parseJson(data: Uint8Array): JsonObject | null {
  if (data.byteLength > MAX_BYTES) return null;
  try {
    return object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data)));
  } catch {
    return null;
  }
}

export function object(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

export function text(value: unknown): string | null {
  return typeof value === "string" && value.length <= MAX_TEXT ? value : null;
}

export function wholeNumber(value: unknown, least: number, most: number): number | null {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
    ? (value as number)
    : null;
}

/** An object whose values are all texts. */
export function texts(value: unknown): Record<string, string> | null {
  const entries = Object.entries(object(value) ?? { "": null });
  if (entries.length > 100 || entries.some(([, one]) => text(one) === null)) return null;
  return Object.fromEntries(entries) as Record<string, string>;
}
