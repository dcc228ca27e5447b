/** What `--help` prints apart from options: the program's overview, the examples after a command's options, the exit codes. Does not know any option. */
import type { CommandUnknownOpts, Help, Option } from "@commander-js/extra-typings";
import { Chalk } from "chalk";

// commander removes the colour again where it is not wanted.
const style = new Chalk({ level: 1 });

export function heading(text: string): string {
  return style.bold(text);
}

/** The part of a commander option or argument that is read here. */
type HelpItem = Pick<Option, "description" | "argChoices" | "defaultValue" | "defaultValueDescription">;

/** The options that a newcomer needs, in one line each: the overview has 24 lines of 80 columns. */
const FIRST_OPTIONS = [
  ["--ckpt_dir <dir>", "folder or GGUF file of the model (default: demo)"],
  ["--dtype <type>", "weights: auto, fp32, int8 or int4 (default: auto)"],
] as const;

/** The overview: commands by group, in the order of their declaration; a command without a group is left out. */
export function programHelp(program: CommandUnknownOpts, helper: Help): string {
  const groups = new Map<string, [term: string, description: string][]>();
  for (const command of helper.visibleCommands(program)) {
    const group = command.helpGroup();
    if (group !== "") groups.set(group, [...(groups.get(group) ?? []), [command.name(), command.description()]]);
  }
  groups.set(
    "Options of most commands:",
    FIRST_OPTIONS.map(([term, description]) => [term, description]),
  );
  const lines = [...groups].flatMap(([group, items]) => {
    const width = group.startsWith("Options") ? 20 : 10;
    return [helper.styleTitle(group), ...items.map((item) => helper.formatItem(item[0], width, item[1], helper))];
  });
  return `${helper.styleTitle("Usage:")} ${helper.commandUsage(program)}, without a command repl or generate
${program.description()}

${lines.join("\n")}
${helper.styleTitle("Try:")}  llama-ts generate --prompt "Once upon a time"
${helper.styleTitle("More:")} llama-ts help COMMAND, llama-ts help exit-codes, llama-ts --version, docs/
`;
}

/** An option or argument: what it does, its choices and its default. */
export function itemDescription({ description, argChoices, defaultValue, defaultValueDescription }: HelpItem): string {
  const notes = argChoices ? [argChoices.join(", ")] : [];
  if (defaultValue !== undefined) notes.push(`default: ${defaultValueDescription ?? defaultValue}`);
  return notes.length > 0 ? `${description} (${notes.join("; ")})` : description;
}

/** The end of a command's help. `page` has the long rules. */
export function examples(page: string, ...lines: readonly (readonly [purpose: string, line: string])[]): string {
  const texts = lines.map(([purpose, line]) => `  ${purpose}:\n    $ ${line}\n`);
  return `
${heading("Examples:")}
${texts.join("")}
${heading("More:")} ${page}, llama-ts help exit-codes
`;
}

export const EXIT_CODES_HELP = `Exit codes:
  0    success
  1    failure at run time, or a failed request of batch, score or eval
  2    wrong command line, settings or prompt
  3    missing or damaged model or tokenizer
  4    not enough memory, also if the kernel killed the process for it
  129  SIGHUP
  130  SIGINT (Ctrl-C)
  134  SIGABRT
  137  SIGKILL
  139  SIGSEGV
  143  SIGTERM

Any other signal is 128 + its number. The first SIGHUP, SIGINT or SIGTERM stops
the work and keeps its results; the second ends the process at once.
`;
