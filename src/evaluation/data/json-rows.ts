/** Reads rows from JSON lines, or from one JSON value that contains a list of them. */
import { LlamaError } from "../../error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import type { Row } from "./row.js";

/** Deeper values have no place in a document, and programs that write them again fail. */
const MAX_DEPTH = 100;

/** One object a line; empty lines are skipped. Throws LlamaError that names file and line. */
export function jsonLines(text: string, file: string): Row[] {
  const rows: Row[] = [];
  let line = 0;
  for (const part of text.split("\n")) {
    line++;
    if (part.trim() !== "") rows.push(asRow(parse(part, `${file}, line ${line}`), `${file}, line ${line}`));
  }
  return rows;
}

/** A list of objects, an object with one list of objects, or JSON lines under another name. */
export function jsonRows(text: string, file: string): Row[] {
  const start = text.trimStart();
  if (start.startsWith("{") && isLines(start)) return jsonLines(text, file);
  const value = parse(text, file);
  return listOf(value, file).map((row, i) => unwrapped(asRow(row, `${file}, row ${i + 1}`)));
}

/** Whether the first line is a whole value, and more follows. */
function isLines(text: string): boolean {
  const end = text.indexOf("\n");
  if (end < 0 || text.slice(end).trim() === "") return !hasRows(text);
  try {
    JSON.parse(text.slice(0, end));
    return true;
  } catch {
    return false;
  }
}

function hasRows(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && rowLists(value).length === 1;
  } catch {
    return true;
  }
}

const rowLists = (value: Record<string, unknown>) =>
  Object.values(value).filter((one) => Array.isArray(one) && one.length > 0 && one.every(isObject)) as unknown[][];

function listOf(value: unknown, file: string): unknown[] {
  if (Array.isArray(value)) return value;
  const lists = isObject(value) ? rowLists(value) : [];
  if (lists.length === 1) return lists[0]!;
  const expected = "a list of objects, or an object with one such list";
  throw new LlamaError("usage", "has no rows", { where: file, expected, found: showValue(value) });
}

/** The hub's viewer gives rows as {"row_idx", "row"}. */
function unwrapped(row: Row): Row {
  return "row_idx" in row && isObject(row.row) ? row.row : row;
}

/** The value of a JSON text; `where` is for the error. */
export function parse(text: string, where: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const found = (cause as Error).message.replaceAll(/[\s\p{C}]+/gu, " ");
    throw new LlamaError("usage", "is not valid JSON", { where, found, cause });
  }
  if (isDeep(value)) {
    throw new LlamaError("usage", "is nested too deeply", { where, expected: `at most ${MAX_DEPTH} levels` });
  }
  return value;
}

function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return false;
}

function asRow(value: unknown, where: string): Row {
  if (isObject(value)) return value;
  throw new LlamaError("usage", "must be a JSON object", { where, found: showValue(value) });
}
