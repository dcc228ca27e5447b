/** The settings that `/set` changes: parses, shows and restores them. They are named like the command-line options. */
import { LlamaError } from "../../../error.js";
import { similarName } from "../../../generation/options/similar-name.js";
import { texts } from "../../../generation/options/value-kinds.js";
import { SAMPLING_ROWS, type SamplingOption } from "../../../generation/sampling/option-table.js";
import type { Form } from "../../../index.js";
import {
  changedForm,
  FORM_SETTINGS,
  isFormSetting,
  restoredForm,
  savedForm,
  showForm,
} from "../../model/form-settings.js";
import { parserOf, type SamplingFlags } from "../../options/flags.js";
import { sameOption } from "../../options/peer-words.js";

/** The settings of a dialogue, by their names on the command line. */
export interface Settings extends SamplingFlags {
  system: string | null;
  /** null: any text. */
  form: Form | null;
}

type Name = Exclude<keyof Settings, "form">;

const ROWS = new Map(
  SAMPLING_ROWS.filter(({ isSetting }) => isSetting !== false).map((row) => [row.name as Name, row]),
);

const NAMES: readonly Name[] = [...ROWS.keys(), "system"];
export const SETTING_NAMES: readonly string[] = [...NAMES, ...FORM_SETTINGS];

/** Changes one setting. Throws LlamaError (usage) for an unknown name or an invalid value. */
export async function change(settings: Settings, name: string, value: string): Promise<void> {
  if (isFormSetting(name)) {
    settings.form = await changedForm(settings.form, name, value);
    return;
  }
  if (!isName(name)) {
    const peer = sameOption(`--${name.replaceAll("-", "_")}`, (one) => SETTING_NAMES.includes(one));
    const meant = peer ?? similarName(name, SETTING_NAMES);
    const details = meant === undefined ? { expected: SETTING_NAMES.join(", ") } : { fix: `Did you mean ${meant}?` };
    throw new LlamaError("usage", `unknown setting: ${name}`, details);
  }
  set(settings, name, value);
}

/** The settings as a session file has them, without the system prompt, which the file has separately. */
export function savedSettings(settings: Settings): Record<string, unknown> {
  const { system: _, ...rest } = Object.fromEntries(NAMES.map((name) => [name, settings[name] ?? null]));
  return { ...rest, ...(settings.form && Object.fromEntries([savedForm(settings.form)])) };
}

/** `settings` overridden by those of a session file. Throws LlamaError (usage) for an invalid value. */
export function restoreSettings(
  settings: Settings,
  saved: Readonly<Record<string, unknown>>,
  system: string | null,
  where: string,
): Settings {
  const restored: Settings = { ...settings, system, form: null, seed: undefined, stop: undefined };
  for (const [name, value] of Object.entries(saved)) {
    if (isFormSetting(name) && value !== null) restored.form = restoredForm(name, value, where);
    if (!isName(name) || value === null) continue;
    if (typeof value === "number") set(restored, name, String(value));
    else if (name === "stop" && isTexts(value)) restored.stop = value;
    else throw new LlamaError("usage", `invalid value of a setting: ${name}`, { where });
  }
  return restored;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string" && text !== "");
}

/** A setting as text: its name and value. */
export function showSetting(settings: Settings, name: string): string {
  if (isFormSetting(name)) {
    const shown = settings.form && showForm(settings.form);
    return shown?.startsWith(`${name} `) ? shown : `${name} none`;
  }
  if (!isName(name)) return "";
  const value = settings[name];
  if (value === undefined || value === null) return `${name} ${ROWS.get(name)?.unset ?? "none"}`;
  return `${name} ${
    typeof value === "number"
      ? value
      : [value]
          .flat()
          .map((text) => JSON.stringify(text))
          .join(" ")
  }`;
}

function set(settings: Settings, name: Name, text: string): void {
  try {
    Object.assign(settings, { [name]: name === "system" ? systemOf(text) : settingOf(ROWS.get(name)!, text) });
  } catch (error) {
    throw new LlamaError("usage", `${name}: ${(error as Error).message}`);
  }
}

function systemOf(text: string): string | null {
  return text === "none" ? null : (strings(text, 1)[0] ?? null);
}

/** undefined if the text removes the option. */
function settingOf({ kind, unset }: SamplingOption, text: string): unknown {
  if (text === unset) return undefined;
  return kind === texts ? strings(text) : parserOf(kind)(text);
}

function isName(name: string): name is Name {
  return (NAMES as readonly string[]).includes(name);
}

/** The lines of all settings; of the forms, the one that there is. */
export function allSettings(settings: Settings): string[] {
  const { form } = settings;
  return [...NAMES.map((name) => showSetting(settings, name)), ...(form ? [showForm(form)] : [])];
}

/** Parses up to `most` texts in double quotes, with escapes as in JSON; a text without quotes is used literally. */
function strings(text: string, most = Number.POSITIVE_INFINITY): string[] {
  if (!text.startsWith('"')) return [text];
  const quoted: string[] = text.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  if (quoted.join("") !== text.replace(/"\s+"/g, '""').trim() || quoted.length > most || quoted.includes('""')) {
    throw new Error(`Expected ${most === 1 ? "a text" : "texts"} in double quotes.`);
  }
  return quoted.map((one) => JSON.parse(one) as string);
}
