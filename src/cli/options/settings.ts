/** Fills in options that the command line leaves out: from LLAMA_TS_* variables, else from the settings file. Does not know what they mean. */
import { LlamaError } from "../../error.js";
import { similarName } from "../../generation/options/similar-name.js";
import { type ConfigFile, readConfig } from "./config-file.js";

/** The part of a commander option that is read here. */
export interface SettingOption {
  readonly description: string;
  readonly long?: string | undefined;
  readonly hidden: boolean;
  readonly required: boolean;
  readonly optional: boolean;
  readonly conflictsWith?: readonly string[];
  readonly parseArg?: ((value: string, previous: never) => unknown) | undefined;
  attributeName(): string;
}

/** The part of a commander command that is read and written here. */
export interface SettingCommand {
  name(): string;
  readonly options: readonly unknown[];
  readonly commands: readonly SettingCommand[];
  getOptionValue(name: string): unknown;
  getOptionValueSource(name: string): string | undefined;
  setOptionValueWithSource(name: string, value: unknown, source: string): unknown;
}

const PREFIX = "LLAMA_TS_";
/** Variables that are not options: the path of the file, two of the supervisor, and secrets, which no line should show. */
const OTHER_VARIABLES = ["CONFIG", "NO_SUPERVISOR", "SUPERVISED", "API_KEY", "QUEUE_TOKEN", "RDZV_TOKEN"];
/** Options that make sense on the command line only. */
const RESERVED = ["help", "version"];

/**
 * Sets the options of a command that its line leaves out. Returns why the settings file was not read, if it could not be.
 * Throws LlamaError for an unknown name, and for a value that would be an error on the line too.
 */
export function applySettings(program: SettingCommand, command: SettingCommand, env: NodeJS.ProcessEnv): string | null {
  const file = readConfig(env);
  checkNames(program, file);
  checkVariables(program, env);
  const options = settable(command);
  const isGiven = (name: string) => !["default", undefined].includes(command.getOptionValueSource(name));
  const onLine = new Set(options.map((option) => option.attributeName()).filter(isGiven));
  for (const option of options) {
    const name = option.attributeName();
    const setting = settingOf(name, command, env, file);
    // The line wins, also over settings that conflict with it.
    const isExcluded = options.some((other) => onLine.has(other.attributeName()) && excludes(option, other));
    if (!setting || onLine.has(name) || isExcluded) continue;
    const value = parsed(option, setting.value, setting.where);
    if (value !== undefined) command.setOptionValueWithSource(name, value, setting.origin);
  }
  for (const option of options) {
    for (const name of option.conflictsWith ?? []) {
      if (!isGiven(option.attributeName()) || !isGiven(name)) continue;
      throw new LlamaError("usage", `cannot be used with ${name}`, {
        where: command.getOptionValueSource(option.attributeName())!,
      });
    }
  }
  return file.problem;
}

/** The options that a setting can set. */
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

/** undefined if a switch is off. */
function parsed(option: SettingOption, text: string, where: string): unknown {
  const isSwitch = !option.required && !option.optional;
  const value = text.toLowerCase();
  if (isSwitch || (option.optional && ["true", "false"].includes(value))) {
    if (["1", "true", "yes", "on"].includes(value)) return true;
    if (["0", "false", "no", "off", ""].includes(value)) return undefined;
    throw new LlamaError("usage", "cannot be parsed", { where, expected: "true or false", found: text });
  }
  if (!option.parseArg) return text;
  try {
    return option.parseArg(text, undefined as never);
  } catch (error) {
    if ((error as { code?: string }).code !== "commander.invalidArgument") throw error;
    const message = (error as Error).message.replace(/\.$/, "");
    const fix = text.includes(" #") ? "A comment needs a line of its own" : undefined;
    throw new LlamaError("usage", message, { where, found: text, ...(fix !== undefined && { fix }) });
  }
}

/** Throws LlamaError for a command or an option in the file that does not exist: probably a typo. */
function checkNames(program: SettingCommand, file: ConfigFile): void {
  for (const [section, settings] of file.sections) {
    const commands = section === "" ? program.commands : program.commands.filter((one) => one.name() === section);
    const known = new Set(commands.flatMap((one) => settable(one).map((option) => option.attributeName())));
    const [first] = settings.values();
    if (commands.length === 0) {
      const expected = program.commands
        .filter((one) => settable(one).length > 0)
        .map((one) => one.name())
        .join(", ");
      throw new LlamaError("usage", "unknown command", { where: first?.origin ?? file.path, expected, found: section });
    }
    for (const [name, { origin }] of settings) {
      if (known.has(name)) continue;
      const similar = similarName(name, [...known]);
      const fix = similar === undefined ? "llama-ts config lists the options" : `Did you mean ${similar}?`;
      throw new LlamaError("usage", `unknown option '${name}'`, { where: origin, fix });
    }
  }
}

/** Throws LlamaError for a variable that is not an option of any command: probably a typo. */
function checkVariables(program: SettingCommand, env: NodeJS.ProcessEnv): void {
  const options = program.commands.flatMap((one) =>
    settable(one).map((option) => option.attributeName().toUpperCase()),
  );
  const known = new Set([...options, ...OTHER_VARIABLES]);
  for (const variable of Object.keys(env)) {
    const name = variable.slice(PREFIX.length);
    if (!variable.startsWith(PREFIX) || known.has(name)) continue;
    const similar = similarName(name, [...known]);
    const fix = similar === undefined ? "llama-ts config lists the options" : `Did you mean ${PREFIX}${similar}?`;
    throw new LlamaError("usage", "is not an option", { where: variable, fix });
  }
}
