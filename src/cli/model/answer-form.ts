/** The form of answers that the command line asks for: a schema, any JSON object, a regular expression or a grammar. Does not know what a form binds. */
import { LlamaError } from "../../error.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { decodeText } from "../../formats/files/text.js";
import { tryForm } from "../../generation/form/forms.js";
import type { Form } from "../../index.js";
import type { FormFlags } from "../options/flags.js";
import { readText } from "../terminal/read-input.js";

/** Larger ones cannot be bound either. */
const MAX_FILE = 1 << 20;

/** Whether the schema comes from stdin, which then has no other text. */
export function isFormOnStdin({ json_schema: schema }: FormFlags): boolean {
  return schema === "-";
}

/** The form; null: any text. Throws LlamaError (usage) for more than one, for a file that is not there or not JSON, and for what cannot be bound. */
export async function answerForm(flags: FormFlags, signal: AbortSignal): Promise<Form | null> {
  const { json_schema: schema } = flags;
  if (schema !== "-") return formOf(flags);
  return formOf({ ...flags, json_schema: await readText(process.stdin, "--json_schema -", signal) });
}

/** The same where a schema is a file or a text. */
export async function formOf({
  json_schema: schema,
  json_object: isObject,
  regex,
  grammar,
}: FormFlags): Promise<Form | null> {
  const given = Object.entries({ json_schema: schema, json_object: isObject, regex, grammar });
  const names = given.filter(([, value]) => value !== undefined).map(([name]) => `--${name}`);
  if (names.length > 1) {
    throw new LlamaError("usage", "an answer has one form", {
      found: names.join(" and "),
      fix: "Leave out all but one",
    });
  }
  const form = givenForm({ schema, isObject, regex, grammar });
  // What cannot be bound is said before a model is loaded.
  if (form !== null) await tryForm(form);
  return form;
}

interface Given {
  schema: string | undefined;
  isObject: true | undefined;
  regex: string | undefined;
  grammar: string | undefined;
}

function givenForm({ schema, isObject, regex, grammar }: Given): Form | null {
  if (schema !== undefined) return { jsonSchema: schemaOf(schema) };
  if (isObject) return { jsonObject: true };
  if (regex !== undefined) return { regex };
  return grammar === undefined ? null : { grammar: fileText(grammar, "--grammar", "a grammar") };
}

/** Reads a value of --json_schema: the text of a schema, else a file. */
function schemaOf(value: string): object | boolean {
  const isText = /^\s*(\{|(true|false)\s*$)/.test(value);
  const where = isText ? "--json_schema" : `--json_schema ${value}`;
  const text = isText ? value : fileText(value, "--json_schema", "a schema");
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (cause) {
    throw new LlamaError("usage", "is not JSON", { where, found: (cause as Error).message, cause });
  }
  if (typeof schema === "boolean" || (typeof schema === "object" && schema !== null && !Array.isArray(schema))) {
    return schema;
  }
  throw new LlamaError("usage", "is not a JSON Schema", { where, expected: "an object, true or false" });
}

function fileText(path: string, option: string, what: string): string {
  try {
    return decodeText(readWhole(path, MAX_FILE, what), path);
  } catch (cause) {
    if (!(cause instanceof LlamaError)) throw cause;
    throw new LlamaError("usage", cause.message, { where: option, cause });
  }
}
