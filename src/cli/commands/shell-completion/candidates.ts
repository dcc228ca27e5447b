/** Finds what can complete a line of the program: commands, options, values. Does not know the shells. */
import { impliesCommand, withoutLauncher } from "../../options/argv.js";

/** The part of a commander option that is read here. */
interface CompletedOption {
  readonly long?: string | undefined;
  readonly short?: string | undefined;
  readonly flags: string;
  readonly description: string;
  readonly hidden: boolean;
  readonly required: boolean;
  readonly argChoices?: readonly string[] | undefined;
}

/** The part of a commander command that is read here. */
export interface CompletedCommand {
  name(): string;
  description(): string;
  readonly options: readonly unknown[];
  readonly commands: readonly CompletedCommand[];
  readonly registeredArguments: readonly {
    name(): string;
    readonly argChoices?: readonly string[] | undefined;
  }[];
}

export interface Candidate {
  word: string;
  description?: string;
}

/** What can replace the last word of a line: some words, or the names of files or folders. */
export interface Candidates {
  kind: "words" | "files" | "folders";
  words: readonly Candidate[];
}

/** Values that are too many for help texts, or known only when asked for, by option or by command and argument. */
export type ValueLists = Readonly<Record<string, () => Promise<readonly string[]>>>;

const NOTHING: Candidates = { kind: "words", words: [] };
const FILES: Candidates = { kind: "files", words: [] };
/** The commands that a line without a command may be. */
const IMPLIED = ["generate", "repl"];

/** `words` are those of the line after the program's name, up to the cursor; the last one is completed and may be empty. */
export async function candidates(
  program: CompletedCommand,
  words: readonly string[],
  lists: ValueLists,
): Promise<Candidates> {
  const line = withoutLauncher(words.slice(0, -1));
  const isTorchrun = line.length < words.length - 1;
  const word = words.at(-1) ?? "";
  const isStart = line.length === 0 && !isTorchrun;
  if (isStart && !word.startsWith("-")) return matching(word, commandWords(program));
  if (!isStart && !isTorchrun && !impliesCommand(line[0])) {
    const command = program.commands.find((one) => one.name() === line[0]);
    return command ? inCommand(program, command, line.slice(1), word, lists) : NOTHING;
  }
  const implied = program.commands.filter((one) => IMPLIED.includes(one.name()));
  const options = [...new Map(implied.flatMap(visible).map((option) => [option.long, option])).values()];
  return (await forOption(options, line, word, lists)) ?? (word.startsWith("-") ? optionWords(options, word) : FILES);
}

function visible(command: CompletedCommand): CompletedOption[] {
  const help = { long: "--help", flags: "--help", description: "print help", hidden: false, required: false };
  const options = (command.options as readonly CompletedOption[]).filter(({ hidden, long }) => !hidden && long);
  return [...options, help];
}

function isShown(command: CompletedCommand): boolean {
  return !command.name().startsWith("_");
}

async function inCommand(
  program: CompletedCommand,
  command: CompletedCommand,
  line: readonly string[],
  word: string,
  lists: ValueLists,
): Promise<Candidates> {
  const inner = command.commands.findIndex((one) => line.includes(one.name()));
  if (inner >= 0) {
    const next = command.commands[inner]!;
    const rest = line.slice(line.indexOf(next.name()) + 1);
    if (command.name() === "help") return NOTHING;
    return inCommand(program, { ...view(next), name: () => `${command.name()} ${next.name()}` }, rest, word, lists);
  }
  const options = visible(command);
  const value = await forOption(options, line, word, lists);
  if (value) return value;
  if (word.startsWith("-")) return optionWords(options, word);
  if (command.commands.length > 0) return matching(word, commandWords(command));
  const argument = command.registeredArguments[0];
  const name = argument?.name();
  const list = lists[`${command.name()} ${name}`];
  if (argument?.argChoices) return matching(word, asWords(argument.argChoices));
  const listed = list && matching(word, asWords(await list()));
  // A folder may be given in place of a word of the list.
  if (listed && (listed.words.length > 0 || name !== "dir")) return listed;
  if (name === "command") return matching(word, commandWords(program));
  if (name === "dir") return { kind: "folders", words: [] };
  return name === "input" ? FILES : NOTHING;
}

/** The members of a command that are read here; those of commander are on its prototype. */
function view(command: CompletedCommand): CompletedCommand {
  const { options, commands, registeredArguments } = command;
  return {
    name: () => command.name(),
    description: () => command.description(),
    options,
    commands,
    registeredArguments,
  };
}

/** The value of an option, if the word is one: after the option's name, or after a = in the same word. */
async function forOption(
  options: readonly CompletedOption[],
  line: readonly string[],
  word: string,
  lists: ValueLists,
): Promise<Candidates | null> {
  const [, joined] = /^(--[^=]*=)/.exec(word) ?? [];
  const name = spelled(joined === undefined ? (line.at(-1) ?? "") : joined.slice(0, -1));
  const option = options.find(({ long, short }) => name === long || name === short);
  if (joined !== undefined && !option?.required) return NOTHING;
  if (!option?.required) return null;
  const { flags, argChoices } = option;
  const choices = argChoices ?? (await lists[option.long!]?.());
  if (choices) {
    // A placeholder in the plural takes a list: int8,int4.
    const start = /<\w+s>/.test(flags) ? word.lastIndexOf(",") + 1 : 0;
    const prefix = word.slice(0, Math.max(start, joined?.length ?? 0));
    return matching(word, asWords(choices.map((choice) => prefix + choice)));
  }
  if (/<(file|path)>/.test(flags)) return FILES;
  return /<dir>/.test(flags) ? { kind: "folders", words: [] } : NOTHING;
}

function spelled(name: string): string {
  return name.startsWith("--") ? `--${name.slice(2).replaceAll("-", "_")}` : name;
}

/** In the spelling that the word has begun: with dashes or with underscores. */
function optionWords(options: readonly CompletedOption[], word: string): Candidates {
  const isDashed = /^--\w+-/.test(word);
  const names = options.map(({ long, description }) => ({
    word: isDashed ? `--${long!.slice(2).replaceAll("_", "-")}` : long!,
    description,
  }));
  return matching(word, names);
}

function commandWords(command: CompletedCommand): Candidate[] {
  return command.commands.filter(isShown).map((one) => ({ word: one.name(), description: one.description() }));
}

function asWords(words: readonly string[]): Candidate[] {
  return words.map((word) => ({ word }));
}

function matching(start: string, words: readonly Candidate[]): Candidates {
  return { kind: "words", words: words.filter(({ word }) => word.startsWith(start)) };
}
