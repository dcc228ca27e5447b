/** The columns that a task reads: what their values are, and the error for a value that is something else. */
import { LlamaError } from "../../error.js";
import { firstFew } from "../../formats/files/amounts.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import { quoted } from "../../formats/files/quoted.js";
import { readLiteral } from "../python/literal.js";
import type { Row } from "./row.js";

export interface ColumnType {
  /** "a text" */
  expected: string;
  fits(value: unknown): boolean;
  /** Whether a text in a CSV file is to be read as JSON or as Python writes such a value. */
  isNested?: boolean;
}

export type Columns = Readonly<Record<string, ColumnType>>;

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isInteger = (value: unknown) => integer(value) !== null;

export const TEXT: ColumnType = { expected: "a text", fits: isText };
/** As 3, "3", or a truth value, which is 0 or 1. */
export const INTEGER: ColumnType = { expected: "an integer", fits: isInteger };
export const TEXTS: ColumnType = {
  expected: "a list of texts",
  fits: (value) => isTexts(value) && value.length > 0,
  isNested: true,
};
/** Choices with their labels. */
export const CHOICES: ColumnType = {
  expected: 'an object with the lists of texts "text" and "label", of one length',
  fits: (value) =>
    isObject(value) &&
    isTexts(value.text) &&
    isTexts(value.label) &&
    value.text.length > 0 &&
    value.text.length === value.label.length,
  isNested: true,
};
/** Answers with 1 for those that are true. */
export const TARGETS: ColumnType = {
  expected: 'an object with the lists "choices" (texts) and "labels" (0 or 1), of one length',
  fits: (value) =>
    isObject(value) &&
    isTexts(value.choices) &&
    value.choices.length > 0 &&
    Array.isArray(value.labels) &&
    value.labels.every(isInteger) &&
    value.labels.length === value.choices.length,
  isNested: true,
};
/** A list of texts, or Python's text of one. */
export const ALIASES: ColumnType = {
  expected: 'an object with the list of texts "aliases"',
  fits: (value) => isObject(value) && isTexts(value.aliases) && value.aliases.length > 0,
  isNested: true,
};

/** The integer that a label is: 3, "3", true for 1; null for anything else. */
export function integer(value: unknown): number | null {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string") {
    if (/^(true|false)$/i.test(value)) return Number(value.toLowerCase() === "true");
    return /^[+-]?\d{1,15}$/.test(value) ? Number(value) : null;
  }
  return Number.isSafeInteger(value) ? (value as number) : null;
}

/** The rows with nested values that CSV files hold as texts; throws LlamaError that names file, row and column for what does not fit. */
export function checkColumns(rows: readonly Row[], columns: Columns, file: string): Row[] {
  const names = Object.keys(columns);
  return rows.map((row, index) => {
    let checked = row;
    for (const name of names) {
      const type = columns[name]!;
      const value = row[name];
      if (!Object.hasOwn(row, name)) throw missing(row, name, names, file, index);
      if (type.fits(value)) continue;
      const read = type.isNested && typeof value === "string" ? nested(value) : undefined;
      if (read === undefined || !type.fits(read)) {
        const where = `${file}, row ${index + 1}`;
        throw new LlamaError("usage", `bad column ${quoted(name)}`, {
          where,
          expected: type.expected,
          found: showValue(value),
        });
      }
      checked = { ...checked, [name]: read };
    }
    return checked;
  });
}

function nested(text: string): unknown {
  try {
    return text.startsWith("{") || text.startsWith("[") ? readNested(text) : undefined;
  } catch {
    return undefined;
  }
}

function readNested(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return readLiteral(text);
  }
}

function missing(row: Row, name: string, names: readonly string[], file: string, index: number): LlamaError {
  return new LlamaError("usage", `column ${quoted(name)} is missing`, {
    where: `${file}, row ${index + 1}`,
    expected: `the columns ${names.map(quoted).join(", ")}`,
    found: firstFew(Object.keys(row)) || "none",
  });
}
