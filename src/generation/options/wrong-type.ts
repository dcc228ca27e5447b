/** The error for a value of the wrong type, in an object of options or in a request. */
import { LlamaError } from "../../error.js";

/** An object whose keys and values were not checked yet. */
export type Json = Record<string, unknown>;

/** `where`: name of the option or key; `expected`: its type, such as "a number". */
export function wrongType(where: string, expected: string, value: unknown): LlamaError {
  return new LlamaError("usage", "has the wrong type", { where, expected, found: typeName(value) });
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
