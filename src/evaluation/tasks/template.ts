/** Texts with {{column}} in them, for tasks of the user. Only names of columns and of what is in them: no code. */
import { LlamaError } from "../../error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import type { Doc } from "./task.js";

export interface Template {
  /** Names of the columns that it reads. */
  columns: readonly string[];
  /** The text of a document; throws LlamaError for a value that is missing or is no text or number. */
  text(doc: Doc): string;
  /** The value itself, of a template that is one {{column}} and nothing else; otherwise its text. */
  value(doc: Doc): unknown;
}

/** question, answer.value, choices[0], choices.0 */
const PATH = /^[\p{L}_$][\p{L}\p{N}_$-]*(?:\.[\p{L}\p{N}_$-]+|\[\d+\])*$/u;

/** A longer one is a mistake, and looking for its braces would take long. */
const MAX_LENGTH = 20_000;

/** `where`: the file and key, for messages. Throws LlamaError for braces that hold something else. */
export function readTemplate(source: string, where: string): Template {
  if (source.length > MAX_LENGTH) {
    const expected = `at most ${MAX_LENGTH} characters`;
    throw new LlamaError("usage", "template is too long", { where, expected, found: String(source.length) });
  }
  const parts = source.split(/\{\{(.*?)\}\}/gs).map((part, i) => (i % 2 === 0 ? part : pathOf(part.trim(), where)));
  const paths = parts.filter((part) => typeof part !== "string");
  const text = (doc: Doc) => parts.map((part) => (typeof part === "string" ? part : asText(doc, part))).join("");
  const isPlain = paths.length === 1 && parts.every((part) => typeof part !== "string" || part === "");
  return {
    columns: [...new Set(paths.map(([column]) => column!))],
    text,
    value: isPlain ? (doc) => valueAt(doc, paths[0]!) : text,
  };
}

function pathOf(source: string, where: string): string[] {
  if (PATH.test(source)) return source.split(/[.[]/).map((step) => step.replace("]", ""));
  const expected = "the name of a column, such as {{question}}, {{answer.value}} or {{choices[0]}}";
  throw new LlamaError("usage", "bad template", { where, expected, found: `{{${source}}}` });
}

function valueAt(doc: Doc, path: readonly string[]): unknown {
  let value: unknown = doc;
  for (const [i, step] of path.entries()) {
    const isInside = (isObject(value) || Array.isArray(value)) && Object.hasOwn(value, step);
    if (!isInside) throw new LlamaError("usage", `no value ${path.slice(0, i + 1).join(".")}`);
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function asText(doc: Doc, path: readonly string[]): string {
  const value = valueAt(doc, path);
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new LlamaError("usage", `${path.join(".")} is no text`, { found: showValue(value) });
}
