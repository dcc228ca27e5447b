/** Values of options that the line does not give: from the environment, else from the user's file. Knows commander's options; not what they mean. */
import { LlamaError } from "../../error.js";
import { type ConfigFile, readConfig } from "./config-file.js";

/** The part of a commander option that is looked at. */
export interface SettingOption {
  readonly long?: string | undefined;
  readonly hidden: boolean;
  readonly required: boolean;
  readonly optional: boolean;
  readonly conflictsWith?: readonly string[];
  readonly parseArg?: ((value: string, previous: never) => unknown) | undefined;
  attributeName(): string;
}

/** The part of a commander command that is looked at. */
export interface SettingCommand {
  name(): string;
  readonly options: readonly unknown[];
  readonly commands: readonly SettingCommand[];
  getOptionValue(name: string): unknown;
  getOptionValueSource(name: string): string | undefined;
  setOptionValueWithSource(name: string, value: unknown, source: string): unknown;
}

const PREFIX = "LLAMA_TS_";
/** Not options: where the file is, and what is asked of one run only. */
const RESERVED = ["help", "version"];

/** Fills in what a command's line leaves open. Throws LlamaError for a value that the option would not take on the line. */
export function applySettings(program: SettingCommand, command: SettingCommand, env: NodeJS.ProcessEnv): void {
  const file = readConfig(env);
  checkNames(program, file);
  const options = settable(command);
  const isGiven = (name: string) => !["default", undefined].includes(command.getOptionValueSource(name));
  const onLine = new Set(options.map((option) => option.attributeName()).filter(isGiven));
  for (const option of options) {
    const name = option.attributeName();
    const setting = settingOf(name, command, env, file);
    // What stands on the line has its way, also over settings that exclude it.
    const isExcluded = options.some((other) => onLine.has(other.attributeName()) && excludes(option, other));
    if (!setting || onLine.has(name) || isExcluded) continue;
    const value = parsed(option, setting.value, setting.where);
    if (value !== undefined) command.setOptionValueWithSource(name, value, setting.origin);
  }
  for (const option of options) {
    for (const name of option.conflictsWith ?? []) {
      if (!isGiven(option.attributeName()) || !isGiven(name)) continue;
      throw new LlamaError("usage", `excludes ${name}`, {
        where: command.getOptionValueSource(option.attributeName())!,
      });
    }
  }
}

/** Options that a setting can stand for. */
export function settable(command: SettingCommand): SettingOption[] {
  const options = command.options as readonly SettingOption[];
  return options.filter(({ long }) => long !== undefined && !RESERVED.includes(long.slice(2)));
}

function excludes(a: SettingOption, b: SettingOption): boolean {
  const names = (option: SettingOption) => option.conflictsWith ?? [];
  return names(a).includes(b.attributeName()) || names(b).includes(a.attributeName());
}

function settingOf(name: string, command: SettingCommand, env: NodeJS.ProcessEnv, file: ConfigFile) {
  const variable = PREFIX + name.toUpperCase();
  const value = env[variable];
  if (value !== undefined) return { value, origin: variable, where: variable };
  const found = file.sections.get(command.name())?.get(name) ?? file.sections.get("")?.get(name);
  return found && { value: found.value, origin: found.origin, where: `${found.origin} (${name})` };
}

/** undefined where a switch is off, or an empty value says nothing. */
function parsed(option: SettingOption, text: string, where: string): unknown {
  const isSwitch = !option.required && !option.optional;
  const value = text.toLowerCase();
  if (isSwitch || (option.optional && ["true", "false"].includes(value))) {
    if (["1", "true", "yes", "on"].includes(value)) return true;
    if (["0", "false", "no", "off", ""].includes(value)) return undefined;
    throw new LlamaError("usage", "is not understood", { where, expected: "true or false", found: text });
  }
  if (!option.parseArg) return text;
  try {
    return option.parseArg(text, undefined as never);
  } catch (error) {
    if ((error as { code?: string }).code !== "commander.invalidArgument") throw error;
    throw new LlamaError("usage", (error as Error).message.replace(/\.$/, ""), { where, found: text });
  }
}

/** A name in the file that no command knows is a slip of the pen. */
function checkNames(program: SettingCommand, file: ConfigFile): void {
  for (const [section, settings] of file.sections) {
    const commands = section === "" ? program.commands : program.commands.filter((one) => one.name() === section);
    const known = new Set(commands.flatMap((one) => settable(one).map((option) => option.attributeName())));
    const [first] = settings.values();
    if (commands.length === 0) {
      const expected = program.commands.map((one) => one.name()).join(", ");
      throw new LlamaError("usage", "unknown command", { where: first?.origin ?? file.path, expected, found: section });
    }
    for (const [name, { origin }] of settings) {
      if (!known.has(name)) throw new LlamaError("usage", `unknown option '${name}'`, { where: origin });
    }
  }
}
