/**
 * Prepares the command line for parsing: one spelling for every option, and the command that a line leaves out.
 * Does not know what options mean, only which exist and which need a value.
 */
import { existsSync } from "node:fs";
import { LlamaError } from "../../error.js";
import { type CommandWords, checkCommandWords } from "./command-words.js";
import { OptionWords, type SpelledOption } from "./option-words.js";
import { commandAdvice } from "./peer-words.js";

/** The part of a commander command that is read here. */
export interface CommandSpelling extends CommandWords {
  readonly options: readonly SpelledOption[];
  readonly commands: readonly CommandSpelling[];
}

/** Options that only make sense with a single prompt. */
const ONE_PROMPT = /^(-[opf]|--(prompt|prompt[-_]file|file|no[-_]stdin|echo|json|stream[-_]json|logprobs|output))(=|$)/;
const HELP = ["-h", "--help"];
const OWN = [...HELP, "-V", "--version"];
/** How torchrun may be started; the words that follow are its own. */
const LAUNCHERS = [["torchrun"], ["-m", "torch.distributed.run"], ["-m", "torch.distributed.launch"]];

/**
 * Accepts - or _ between the words of an option, as torchrun does, and the options of other programs. A line without a command,
 * or one that starts with an option or a script, becomes a `generate`, so that `llama-ts --nproc_per_node 2 example.py --ckpt_dir DIR`
 * works as pasted; on a terminal and without a prompt it becomes a `repl`. `help` alone is `--help`, and `--help NAME` is
 * `help NAME`. Throws LlamaError (usage), also for words that the parser would let pass beside --help.
 */
export function normaliseArgv(argv: readonly string[], program: CommandSpelling, stdinIsTerminal: boolean): string[] {
  const words = withoutLauncher(argv);
  if (words[0] === "help" && (words.length === 1 || words[1] === "help")) return ["--help"];
  if (HELP.includes(words[0]!) && words[1] !== undefined && !words[1].startsWith("-")) words[0] = "help";
  const isTorchrun = words.length < argv.length;
  const [first] = words;
  if (impliesCommand(first)) {
    words.unshift(stdinIsTerminal && !words.some((word) => ONE_PROMPT.test(word)) ? "repl" : "generate");
  }
  const command = program.commands.find((candidate) => candidate.name() === words[0]);
  if (!command) {
    checkCommand(words[0]!);
    // commander refuses the word, and suggests another, if nothing asks for help.
    if (!OWN.includes(words[0]!)) return [words[0]!];
  }
  // `cache help list`
  if (command && command.commands.length > 0 && words[1] === "help" && words[0] !== "help") {
    words.splice(0, 2, "help", words[0]!);
    return words;
  }
  const inner = command?.commands.flatMap((one) => one.options) ?? [];
  const options = [...program.options, ...(command?.options ?? []), ...inner];
  const spelling = new OptionWords(command?.name() ?? "", options, isTorchrun);
  const line = spelling.normalise(words);
  // For `help` commander suggests another topic, for an unknown option another one.
  if (command && command.name() !== "help" && !spelling.hasUnknown) checkCommandWords(command, spelling.freeWords);
  return line;
}

/** Whether the first word is not that of a command, but already belongs to the line of one. */
export function impliesCommand(first: string | undefined): boolean {
  return first === undefined || (!OWN.includes(first) && (first.startsWith("-") || first.endsWith(".py")));
}

/** The words after `torchrun` or `python -m torch.distributed.run`, if the line begins so. */
export function withoutLauncher(argv: readonly string[]): string[] {
  const words = /^python[\d.]*$/.test(argv[0] ?? "") ? argv.slice(1) : [...argv];
  const launcher = LAUNCHERS.find((start) => start.every((word, i) => words[i] === word));
  return words.slice(launcher?.length ?? 0);
}

/** Throws for a word that is not a command but tells what was meant; commander refuses the others. */
function checkCommand(word: string): void {
  if (OWN.includes(word)) return;
  const problem = `unknown command '${word}'`;
  const advice = commandAdvice(word);
  if (advice !== undefined) throw new LlamaError("usage", problem, { fix: advice });
  if (/\s/.test(word.trim())) {
    throw new LlamaError("usage", problem, { fix: 'Give a prompt as --prompt "..."; a command must come first' });
  }
  if (/[\\/]/.test(word) || existsSync(word)) {
    throw new LlamaError("usage", problem, { fix: `Give a model as --ckpt_dir ${word}; a command must come first` });
  }
}
