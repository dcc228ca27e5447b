/** Numbers that JSON does not have, as texts in it: -Infinity forbids a token. */
import { isObject } from "../../formats/files/json-value.js";

/** For JSON.stringify. */
export function finiteOrText(_key: string, item: unknown): unknown {
  return typeof item === "number" && !Number.isFinite(item) ? String(item) : item;
}

/** Options as they were before JSON; their values are checked where they are used. */
export function withBias<Options extends { logitBias?: unknown }>(options: Options): Options {
  const { logitBias } = options;
  if (!isObject(logitBias)) return options;
  const bias = Object.entries(logitBias).map(([id, value]) => [id, Number(value)] as const);
  return { ...options, logitBias: Object.fromEntries(bias) };
}
