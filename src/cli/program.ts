/** The program and its commands. What they do is loaded when a command runs, so that --help is quick. */
import { Command } from "@commander-js/extra-typings";
import { addBatch } from "./commands/batch/batch-command.js";
import { addBench } from "./commands/bench/bench-command.js";
import { addCache } from "./commands/cache/cache-command.js";
import { addConfig } from "./commands/config/config-command.js";
import { addGenerate } from "./commands/generate/generate-command.js";
import { addInspect } from "./commands/inspect/inspect-command.js";
import { addRepl } from "./commands/repl/repl-command.js";
import { addScore } from "./commands/score/score-command.js";
import { addCompletion } from "./commands/shell-completion/shell-completion-command.js";
import { heading, PROGRAM_HELP } from "./options/help.js";
import { applySettings, type SettingCommand } from "./options/settings.js";
import { printError, setColor } from "./terminal/notes.js";
import { versionText } from "./terminal/version.js";

/** Every command hands its exit code to `exit`; usage errors are thrown as CommanderError after they were printed. */
export function createProgram(exit: (code: number) => void) {
  const program = new Command("llama-ts")
    .description("Run LLaMA models from Meta's own files on ordinary CPUs.")
    .usage("[command] [options]")
    .version(versionText(), "-V, --version", "print the versions of llama-ts and onnxruntime-node")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ styleTitle: heading, subcommandTerm: (command) => command.name() })
    .configureOutput({ outputError: (text) => printError(oneLine(text)) })
    .addHelpText("after", PROGRAM_HELP)
    .hook("preAction", (program, command) => {
      // A mistake in the file must not keep its user from seeing what is set, nor a shell from starting.
      if (!["config", "completion"].includes(command.name()))
        applySettings(asSetting(program), asSetting(command), process.env);
      setColor(command.opts());
    });
  for (const add of [
    addGenerate,
    addRepl,
    addBatch,
    addScore,
    addInspect,
    addBench,
    addCache,
    addConfig,
    addCompletion,
  ])
    add(program, exit);
  return program;
}

/** commander puts its suggestion on a line of its own. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
}

function asSetting(command: unknown): SettingCommand {
  return command as SettingCommand;
}
