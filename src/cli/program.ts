/** The program and its commands. What they do is loaded when a command runs, so that --help is quick. */
import { Command, Help } from "@commander-js/extra-typings";
import { LlamaError } from "../error.js";
import { addBatch } from "./commands/batch/batch-command.js";
import { addBench } from "./commands/bench/bench-command.js";
import { addCache } from "./commands/cache/cache-command.js";
import { addConfig } from "./commands/config/config-command.js";
import { addEval } from "./commands/eval/eval-command.js";
import { addGenerate } from "./commands/generate/generate-command.js";
import { addInspect } from "./commands/inspect/inspect-command.js";
import { addQueue } from "./commands/queue/queue-command.js";
import { addRepl } from "./commands/repl/repl-command.js";
import { addScore } from "./commands/score/score-command.js";
import { addServe } from "./commands/serve/serve-command.js";
import { addCompletion } from "./commands/shell-completion/shell-completion-command.js";
import { addWorker } from "./commands/worker/worker-command.js";
import { type CommandWords, checkCommandWords, innerCommand } from "./options/command-words.js";
import { EXIT_CODES_HELP, heading, itemDescription, programHelp } from "./options/help.js";
import { applySettings, type SettingCommand } from "./options/settings.js";
import { EXIT_OK } from "./terminal/exit-code.js";
import { fitLines } from "./terminal/fit-lines.js";
import { printError, printNote, setColor } from "./terminal/notes.js";
import { Output } from "./terminal/output.js";
import { versionText } from "./terminal/version.js";

const GROUPS = {
  "Run:": [addGenerate, addRepl, addBatch, addServe, addWorker],
  "Measure:": [addScore, addEval, addBench],
  "Look:": [addInspect, addQueue, addCache, addConfig, addCompletion],
};

/** Every command passes its exit code to `exit`; usage errors are printed, then thrown as CommanderError. */
export function createProgram(exit: (code: number) => void) {
  const program = new Command("llama-ts")
    .description("Run LLaMA models on ordinary CPUs: Meta's files, Hugging Face's, GGUF.")
    .usage("[command] [options]")
    .version(versionText(), "-V, --version", "print the versions of llama-ts and onnxruntime-node")
    .helpOption("-h, --help", "print help")
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({
      styleTitle: heading,
      subcommandTerm: (command) => command.name(),
      optionDescription: itemDescription,
      argumentDescription: itemDescription,
      formatHelp: (command, helper) =>
        command.parent ? Help.prototype.formatHelp.call(helper, command, helper) : programHelp(command, helper),
    })
    .configureOutput({
      writeOut: (text) => process.stdout.write(fitLines(text)),
      outputError: (text) => printError(oneLine(text)),
    })
    .hook("preAction", (program, command) => {
      // A mistake in the settings file must not stop help, config (which shows it) or a shell that starts.
      const names = [command.name(), command.parent?.name()];
      const isReading = !["help", "config", "completion", "__complete"].some((name) => names.includes(name));
      if (isReading) checkWorkingFolder();
      const problem = isReading ? applySettings(asSetting(program), asSetting(command), process.env) : null;
      setColor(command.opts());
      if (problem !== null && !("quiet" in command.opts())) printNote(`Warning: settings are not read: ${problem}`);
    });
  for (const [group, adders] of Object.entries(GROUPS)) {
    program.commandsGroup(group);
    for (const add of adders) add(program, exit);
  }
  program.commandsGroup("");
  addHelp(program, exit);
  return program;
}

/** commander's own `help` fails silently for an unknown command. As commands, topics are completed, and suggested for a typo. */
function addHelp(program: Command, exit: (code: number) => void): void {
  // Hidden commands begin with _.
  const commands = program.commands.filter((command) => !command.name().startsWith("_"));
  const help = program
    .command("help")
    .description("Print help for a command, or the exit codes.")
    .helpOption("-h, --help", "print help")
    .helpCommand(false);
  for (const command of commands) {
    help
      .command(command.name())
      .description(command.description())
      .argument("[words...]")
      .action((words: string[]) => innermost(command as unknown as Command, words).help());
  }
  help
    .command("exit-codes")
    .description("List the exit codes.")
    .action(async () => {
      await new Output(process.stdout, () => {}).write(fitLines(EXIT_CODES_HELP));
      exit(EXIT_OK);
    });
}

/** `help cache list` is the help of the command in the command. Throws LlamaError (usage) for any other word. */
function innermost(command: Command, words: readonly string[], path = command.name()): Command {
  const inner = innerCommand(command, words[0]) as Command | null;
  if (inner) return innermost(inner, words.slice(1), `${path} ${inner.name()}`);
  if (words.length > 0) checkCommandWords({ ...asWords(command), registeredArguments: [] }, words, path);
  return command;
}

/** The members of a command that are read; those of commander are on its prototype. */
function asWords(command: Command): CommandWords {
  const { commands, registeredArguments } = command;
  return { name: () => command.name(), aliases: () => command.aliases(), commands, registeredArguments };
}

/** commander puts its suggestion on a line of its own. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replace(/^(unknown command '[^']*')$/, "$1. llama-ts --help lists the commands");
}

/** Throws LlamaError if the folder that relative paths begin in was deleted: no thread can start there. */
function checkWorkingFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    const where = process.env.PWD ?? "the current folder";
    throw new LlamaError("usage", "is the current folder, and does not exist any more", {
      where,
      fix: "Change to another folder (cd)",
      cause,
    });
  }
}

function asSetting(command: unknown): SettingCommand {
  return command as SettingCommand;
}
