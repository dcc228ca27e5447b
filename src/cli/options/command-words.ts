/** Checks the words of a line that name commands, or arguments of a command. Does not know what the commands do. */
import { LlamaError } from "../../error.js";

/** The part of a commander command that is read here. */
export interface CommandWords {
  name(): string;
  aliases(): readonly string[];
  readonly commands: readonly CommandWords[];
  readonly registeredArguments: readonly {
    readonly variadic: boolean;
    readonly argChoices?: readonly string[] | undefined;
  }[];
}

/** The command in this one that a word names, or null. */
export function innerCommand<C extends CommandWords>(command: C, word: string | undefined): C | null {
  const found = command.commands.find((one) => one.name() === word || one.aliases().includes(word ?? ""));
  return (found as C | undefined) ?? null;
}

/**
 * Checks the words after `path` (the names of a command and of those around it) that are not options. The parser prints help as
 * soon as a line asks for it, whatever else is there, and gives an unknown word to the command that runs without one.
 * Throws LlamaError (usage).
 */
export function checkCommandWords(command: CommandWords, words: readonly string[], path = command.name()): void {
  const [word, ...rest] = words;
  const inner = innerCommand(command, word);
  if (inner) checkCommandWords(inner, rest, `${path} ${inner.name()}`);
  else if (command.commands.length === 0) checkArguments(command, words, path);
  else if (word !== undefined) {
    const names = command.commands.map((one) => one.name());
    throw new LlamaError("usage", `unknown command '${word}'`, {
      where: path,
      expected: names.join(", ").replace(/, (?=[^,]*$)/, " or "),
      fix: `llama-ts help ${path} lists the options`,
    });
  }
}

function checkArguments({ registeredArguments }: CommandWords, words: readonly string[], path: string): void {
  for (const [i, word] of words.entries()) {
    const last = registeredArguments.at(-1);
    const argument = registeredArguments[i] ?? (last?.variadic ? last : undefined);
    if (!argument) throw new LlamaError("usage", `unexpected argument '${word}'`, { where: path });
    if (argument.argChoices && !argument.argChoices.includes(word)) {
      throw new LlamaError("usage", `unknown ${path === "config" ? "command" : "argument"} '${word}'`, {
        where: path,
        expected: argument.argChoices.join(", "),
      });
    }
  }
}
