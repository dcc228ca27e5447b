/** The forms that an answer can be given: their types and the check of their values. Does not know how a form is compiled. */
import { LlamaError } from "../../error.js";
import { showValue } from "../../formats/files/json-value.js";
import type { OptionType } from "../options/check-options.js";
import { type Json, wrongType } from "../options/wrong-type.js";

/** What an answer must be; exactly one key. */
export type Form =
  /** JSON that is valid by a schema (draft 2020-12). */
  | { jsonSchema: object | boolean }
  /** Any JSON object. */
  | { jsonObject: true }
  /** Text that a regular expression (of JavaScript) matches as a whole. */
  | { regex: string }
  /** Text of a grammar in EBNF, as in GBNF files; its first rule is `root`. */
  | { grammar: string }
  /** Text with tagged parts, for tools. */
  | { structuralTag: TagFormat };

/** A part of a structural tag: XGrammar's formats, of which schemas and regular expressions are checked like those of other forms. */
export type TagFormat =
  | { type: "const_string"; value: string }
  | { type: "json_schema"; json_schema: object | boolean }
  | { type: "regex"; pattern: string }
  | { type: "grammar"; grammar: string }
  | { type: "any_text" }
  | { type: "sequence"; elements: TagFormat[] }
  | { type: "or"; elements: TagFormat[] }
  | Tag
  | {
      /** Free text in which a trigger begins a tag. */
      type: "triggered_tags";
      triggers: string[];
      tags: Tag[];
      at_least_one?: boolean;
      stop_after_first?: boolean;
    }
  | {
      type: "tags_with_separator";
      tags: Tag[];
      separator: string;
      at_least_one?: boolean;
      stop_after_first?: boolean;
    };

export interface Tag {
  type: "tag";
  begin: string;
  content: TagFormat;
  end: string;
}

/** The keys of a form: in the library, and in flags and requests. */
export const FORM_KEYS = {
  jsonSchema: "json_schema",
  jsonObject: "json_object",
  regex: "regex",
  grammar: "grammar",
  structuralTag: "structural_tag",
} as const;
export type FormKey = keyof typeof FORM_KEYS;

export const FORM: OptionType = {
  type: "an object with one of jsonSchema, jsonObject, regex, grammar",
  isType: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

/** Throws LlamaError (usage) unless there is exactly one key, with a value of its type. */
export function checkForm(form: Form): FormKey {
  if (!FORM.isType(form)) throw wrongType("form", FORM.type, form);
  const given = Object.keys(form).filter((key) => (form as unknown as Json)[key] !== undefined);
  const unknown = given.find((key) => !Object.hasOwn(FORM_KEYS, key));
  if (unknown !== undefined || given.length !== 1) {
    throw new LlamaError("usage", given.length > 1 && !unknown ? "more than one form" : "is not a form", {
      where: "form",
      expected: "one of jsonSchema, jsonObject, regex, grammar",
      found: unknown === undefined ? given.join(" and ") || "none" : showValue(unknown),
    });
  }
  const key = given[0] as FormKey;
  const value = (form as unknown as Json)[key];
  const { type, isType } = VALUES[key];
  if (!isType(value)) throw wrongType(FORM_KEYS[key], type, value);
  if (value === "") throw new LlamaError("usage", "is empty", { where: FORM_KEYS[key] });
  return key;
}

const text = (value: unknown) => typeof value === "string";
const object = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
const VALUES: Readonly<Record<FormKey, OptionType>> = {
  jsonSchema: {
    type: "a JSON schema: an object, true or false",
    isType: (value) => object(value) || typeof value === "boolean",
  },
  jsonObject: { type: "true", isType: (value) => value === true },
  regex: { type: "a string", isType: text },
  grammar: { type: "a string", isType: text },
  structuralTag: { type: "an object", isType: object },
};
