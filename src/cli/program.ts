/** The program and its commands. What they do is loaded when a command runs, so that --help is quick. */
import { Command } from "@commander-js/extra-typings";
import { addBatch } from "./batch/batch-command.js";
import { addBench } from "./bench/bench-command.js";
import { addCache } from "./cache-command.js";
import { addCompletion } from "./completion/completion-command.js";
import { addGenerate } from "./generate-command.js";
import { heading, PROGRAM_HELP } from "./help.js";
import { addInspect } from "./inspect/inspect-command.js";
import { printError, setColor } from "./notes.js";
import { addRepl } from "./repl/repl-command.js";
import { addScore } from "./score/score-command.js";
import { addConfig } from "./settings/config-command.js";
import { applySettings, type SettingCommand } from "./settings/settings.js";
import { versionText } from "./version.js";

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
