/**
 * The fields of a request that bind its answer to a form, in the dialects of OpenAI, vLLM and llama.cpp. Does not know which parts
 * of a schema can be bound.
 */
import Type, { type Static } from "typebox";
import type { Form } from "../../index.js";
import { invalid, unsupported } from "../http/api-error.js";
import { FLAG } from "./sampling-fields.js";

const optional = Type.Optional;
const OBJECT = Type.Object({});
const SCHEMA = Type.Union([OBJECT, Type.Boolean(), Type.String()], { title: "a JSON Schema, or its text" });
const MAX_CHOICES = 1024;
const CHOICES_TITLE = `a list of at most ${MAX_CHOICES} strings that are not empty`;
const CHOICES = Type.Array(Type.String({ minLength: 1 }), {
  ...{ minItems: 1, maxItems: MAX_CHOICES, title: CHOICES_TITLE },
});
const TEXT = Type.String({ minLength: 1, title: "a string that is not empty" });

export const FORM_FIELDS = {
  response_format: optional(
    Type.Object({ type: Type.String() }, { title: 'an object such as {"type": "json_object"}' }),
  ),
  structured_outputs: optional(Type.Object({}, { title: 'an object such as {"regex": "[a-z]+"}' })),
  guided_json: optional(SCHEMA),
  guided_regex: optional(TEXT),
  guided_choice: optional(CHOICES),
  guided_grammar: optional(TEXT),
  json_schema: optional(SCHEMA),
  json_object: optional(FLAG),
  regex: optional(TEXT),
  grammar: optional(TEXT),
};

const FIELDS = Type.Object(FORM_FIELDS);
export type FormFields = Static<typeof FIELDS>;

/** A form, and the field that asks for it. */
export interface AskedForm {
  form: Form;
  field: string;
}

/** The form that a request asks for; null: any text. Throws ApiError for fields that are wrong, unknown or more than one. */
export function askedForm(request: FormFields): AskedForm | null {
  const { response_format: format, structured_outputs: outputs } = request;
  const own = Object.entries(SIMPLE).flatMap(([field, formOf]) => {
    const value = request[field as keyof FormFields];
    return value === undefined || value === false ? [] : [{ form: formOf(value as never, field), field }];
  });
  const asked = [
    ...(format ? responseFormat({ ...format }) : []),
    ...(outputs ? structuredOutputs({ ...outputs }) : []),
    ...own,
  ];
  const [first, second] = asked;
  if (first && second) throw invalid(`${first.field} and ${second.field} exclude each other`, second.field);
  return first ?? null;
}

/** The fields whose value is the form. */
const SIMPLE: Readonly<Record<string, (value: never, field: string) => Form>> = {
  guided_json: (value, field) => ({ jsonSchema: schemaOf(value, field) }),
  guided_regex: (regex: string) => ({ regex }),
  guided_choice: (choices: string[]) => choiceForm(choices),
  guided_grammar: (grammar: string) => ({ grammar }),
  json_schema: (value, field) => ({ jsonSchema: schemaOf(value, field) }),
  json_object: () => ({ jsonObject: true }),
  regex: (regex: string) => ({ regex }),
  grammar: (grammar: string) => ({ grammar }),
};

/** OpenAI's response_format, and llama.cpp's with a schema beside "json_object". A schema is bound whether or not it is `strict`. */
function responseFormat(format: Record<string, unknown>): AskedForm[] {
  const field = "response_format";
  switch (format.type) {
    case "text":
      return [];
    case "json_object": {
      const { schema } = format;
      if ((schema ?? null) === null) return [{ form: { jsonObject: true }, field }];
      return [{ form: { jsonSchema: schemaOf(schema, `${field}.schema`) }, field: `${field}.schema` }];
    }
    case "json_schema":
      return [
        {
          form: { jsonSchema: namedSchema(format.json_schema, `${field}.json_schema`) },
          field: `${field}.json_schema.schema`,
        },
      ];
    default:
      throw unsupported(`${field}.type`, `the types are text, json_object and json_schema`);
  }
}

/** The schema of OpenAI's {name, schema, strict}. */
export function namedSchema(value: unknown, where: string): object | boolean {
  if (!isObject(value)) throw invalid(`${where} must be an object with "name" and "schema"`, where, "invalid_type");
  const { name, strict, schema } = value;
  if ((name ?? null) !== null && typeof name !== "string")
    throw invalid(`${where}.name must be a string`, `${where}.name`);
  if ((strict ?? null) !== null && typeof strict !== "boolean") {
    throw invalid(`${where}.strict must be true or false`, `${where}.strict`);
  }
  if ((schema ?? null) === null)
    throw invalid(`${where}.schema is missing`, `${where}.schema`, "missing_required_parameter");
  return schemaOf(schema, `${where}.schema`);
}

/** A schema, or its text. */
export function schemaOf(value: unknown, where: string): object | boolean {
  const schema = typeof value === "string" ? parsed(value, where) : value;
  if (typeof schema === "boolean" || isObject(schema)) return schema;
  throw invalid(`${where} must be a JSON Schema`, where, "invalid_type");
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`${where} is a text that is not JSON`, where);
  }
}

/** vLLM's options that change no answer while they ask for nothing. */
const WHITE_SPACE = ["whitespace_pattern", "disable_any_whitespace", "disable_additional_properties"];
const KINDS = ["json", "regex", "choice", "grammar", "json_object"];

function structuredOutputs(options: Record<string, unknown>): AskedForm[] {
  const given = Object.entries(options).filter(([, value]) => value !== null && value !== false);
  return given.flatMap(([name, value]): AskedForm[] => {
    const field = `structured_outputs.${name}`;
    const text = () => {
      if (typeof value === "string" && value !== "") return value;
      throw invalid(`${field} must be a string that is not empty`, field, "invalid_type");
    };
    switch (name) {
      case "json":
        return [{ form: { jsonSchema: schemaOf(value, field) }, field }];
      case "regex":
        return [{ form: { regex: text() }, field }];
      case "grammar":
        return [{ form: { grammar: text() }, field }];
      case "json_object":
        return [{ form: { jsonObject: true }, field }];
      case "choice":
        if (!isChoices(value)) throw invalid(`${field} must be ${CHOICES_TITLE}`, field, "invalid_type");
        return [{ form: choiceForm(value), field }];
      case "disable_fallback":
      case "backend":
      case "_backend":
        return [];
      default:
        if (WHITE_SPACE.includes(name)) throw unsupported(field, "white space follows the schema's own rules");
        throw unsupported(field, `the kinds are ${KINDS.join(", ")}`);
    }
  });
}

function isChoices(value: unknown): value is string[] {
  const isList = Array.isArray(value) && value.length > 0 && value.length <= MAX_CHOICES;
  return isList && value.every((one) => typeof one === "string" && one !== "");
}

/** One of several texts, as a grammar: JSON writes texts as grammars do. */
function choiceForm(choices: readonly string[]): Form {
  return { grammar: `root ::= ${choices.map((choice) => JSON.stringify(choice)).join(" | ")}` };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
