/** Reads comma- and tab-separated values (RFC 4180): quoted fields may contain separators, quotes and line breaks. */
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";

/** A record and the line it begins at, from 1. */
export interface CsvRecord {
  fields: string[];
  line: number;
}

/**
 * All records of a text; an empty line is not a record. A quote begins a quoted field only at the field's start, as Python's csv reads
 * it. Throws LlamaError that names `file` for a quoted field without an end.
 */
export function readCsv(text: string, separator: "," | "\t", file: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  const fieldEnd = separator === "," ? /[,\r\n]/g : /[\t\r\n]/g;
  let line = 1;
  let fields: string[] = [];
  let start = line;
  for (let at = 0; at < text.length; ) {
    let field = "";
    if (text[at] === '"') {
      const { value, end } = quotedField(
        text,
        at,
        () => new LlamaError("usage", "quoted field has no end", { where: `${file}, line ${line}` }),
      );
      line += lineBreaks(text, at, end);
      [field, at] = [value, end];
    }
    // After a closing quote, what is left belongs to the field.
    fieldEnd.lastIndex = at;
    const end = fieldEnd.exec(text)?.index ?? text.length;
    field += text.slice(at, end);
    fields.push(field);
    at = end + 1;
    if (text[end] === separator) {
      if (at < text.length) continue;
      fields.push("");
    }
    if (text[end] === "\r" && text[at] === "\n") at++;
    if (fields.length > 1 || fields[0] !== "") records.push({ fields, line: start });
    fields = [];
    start = ++line;
  }
  return records;
}

function quotedField(text: string, open: number, unended: () => LlamaError): { value: string; end: number } {
  const parts: string[] = [];
  for (let from = open + 1; ; ) {
    const close = text.indexOf('"', from);
    if (close < 0) throw unended();
    parts.push(text.slice(from, close));
    if (text[close + 1] !== '"') return { value: parts.join(""), end: close + 1 };
    parts.push('"');
    from = close + 2;
  }
}

function lineBreaks(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** Rows named by the first record; throws LlamaError for a record of another length. */
export function csvRows(text: string, separator: "," | "\t", file: string): Record<string, string>[] {
  const [head, ...records] = readCsv(text, separator, file);
  if (head === undefined) return [];
  const twice = head.fields.find((name, i) => head.fields.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new LlamaError("usage", `column ${quoted(twice)} is there twice`, { where: `${file}, line ${head.line}` });
  }
  return records.map(({ fields, line }) => {
    if (fields.length !== head.fields.length) {
      const found = String(fields.length);
      const expected = `${head.fields.length} fields, as in the first line`;
      throw new LlamaError("usage", "wrong number of fields", { where: `${file}, line ${line}`, expected, found });
    }
    return Object.fromEntries(head.fields.map((name, i) => [name, fields[i]!]));
  });
}
