/** The settings of `/set` that bind answers to a form, of which there is at most one. Named like the command-line options. Does not know other settings. */
import { LlamaError } from "../../error.js";
import type { Form } from "../../index.js";
import { formOf } from "./answer-form.js";

export const FORM_SETTINGS = ["json_schema", "json_object", "regex", "grammar"] as const;
type FormSetting = (typeof FORM_SETTINGS)[number];

export function isFormSetting(name: string): name is FormSetting {
  return (FORM_SETTINGS as readonly string[]).includes(name);
}

/** The form after `/set NAME VALUE`; "none", and "off" for json_object, remove it. Throws LlamaError (usage) for a value that is wrong. */
export async function changedForm(form: Form | null, name: FormSetting, value: string): Promise<Form | null> {
  const isOff = value === "none" || (name === "json_object" && value === "off");
  if (isOff) return form !== null && nameOf(form) === name ? null : form;
  if (name !== "json_object") return formOf({ [name]: value });
  if (value !== "on") throw new LlamaError("usage", "json_object: Expected on or off.");
  return { jsonObject: true };
}

/** The form's name and value in one line. */
export function showForm(form: Form): string {
  const [name, value] = savedForm(form);
  return `${name} ${name === "json_object" ? "on" : JSON.stringify(value)}`;
}

/** The form as a session file has it: a schema as itself, other forms as text. */
export function savedForm(form: Form): [name: FormSetting, value: unknown] {
  return [nameOf(form), Object.values(form)[0]];
}

/** The form of a session file. Throws LlamaError (usage) for a value of another type. */
export function restoredForm(name: FormSetting, value: unknown, where: string): Form {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (name === "json_schema" && (isObject || typeof value === "boolean")) return { jsonSchema: value };
  if (name === "json_object" && value === true) return { jsonObject: true };
  if (name === "regex" && typeof value === "string") return { regex: value };
  if (name === "grammar" && typeof value === "string") return { grammar: value };
  throw new LlamaError("usage", `invalid value of a setting: ${name}`, { where });
}

function nameOf(form: Form): FormSetting {
  if ("jsonSchema" in form) return "json_schema";
  if ("jsonObject" in form) return "json_object";
  return "regex" in form ? "regex" : "grammar";
}
