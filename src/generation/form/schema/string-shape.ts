/** Strings of a schema as grammars: their length, pattern and format. Does not know other types. */
import { choice, type Expression, NOTHING, repeat, rule, sequence, set } from "../grammar/grammar.js";
import { readRegex } from "../grammar/regex.js";
import { lengthOf } from "./expression-length.js";
import { inString, PLAIN } from "./json-text.js";
import type { SchemaDocument } from "./schema-document.js";
import { STRING_FORMATS } from "./string-formats.js";
import type { View } from "./view.js";

/** A string in its quotes. */
export function stringShape(document: SchemaDocument, view: View): Expression {
  const { counts, patterns, format } = view;
  if (counts.size === 0 && patterns.length === 0 && format === null) return rule("string");
  return sequence('"', contentOf(document, view), '"');
}

function contentOf(document: SchemaDocument, { counts, patterns, format }: View): Expression {
  const least = counts.get("minLength") ?? 0;
  const most = counts.get("maxLength") ?? Number.POSITIVE_INFINITY;
  if (least > most) return NOTHING;
  const sources = [...new Set(patterns.map(({ source }) => source))];
  if (format !== null && patterns.length > 0) {
    throw document.error(format.pointer, "a format beside a pattern is not supported", {
      fix: "Leave out one of them",
    });
  }
  if (sources.length > 1) throw document.error(patterns[1]!.pointer, "a second pattern is not supported");
  if (format === null && patterns.length === 0) {
    return repeat(rule("character"), least, most);
  }
  const { inner, pointer } = format === null ? ofPattern(document, patterns[0]!) : ofFormat(document, format);
  const length = lengthOf(inner);
  if (length.least < least || length.most > most) {
    throw document.error(pointer, "matches strings that minLength or maxLength forbid", {
      expected: `from ${least} to ${most} characters`,
      found: `from ${length.least} to ${length.most}`,
      fix: "Write the length into the pattern",
    });
  }
  return inString(inner);
}

/** A pattern is taken as if it had ^ and $; where it has only one of them, any text is on the other side. */
function ofPattern(document: SchemaDocument, { source, pointer }: { source: string; pointer: string }) {
  const any = repeat(set(PLAIN), 0);
  const options = readRegex(source, `${document.where} #${pointer}`).map(({ inner, isOpenAtStart, isOpenAtEnd }) =>
    sequence(...(isOpenAtStart ? [any] : []), inner, ...(isOpenAtEnd ? [any] : [])),
  );
  return { inner: choice(...options), pointer };
}

function ofFormat(document: SchemaDocument, { name, pointer }: { name: string; pointer: string }) {
  if (!Object.hasOwn(STRING_FORMATS, name)) {
    const expected = `one of ${Object.keys(STRING_FORMATS).join(", ")}`;
    throw document.error(pointer, "this format is not supported", { expected, found: name.slice(0, 40) });
  }
  return { inner: choice(...readRegex(STRING_FORMATS[name]!, "format").map(({ inner }) => inner)), pointer };
}
