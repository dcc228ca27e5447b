/** The command `completion`, which prints a completion script for a shell, and the hidden one that the scripts call. */
import { Argument, type Command } from "@commander-js/extra-typings";
import { examples } from "../../options/help.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Output } from "../../terminal/output.js";
import { type CompletedCommand, candidates, type ValueLists } from "./candidates.js";
import { ASK, SCRIPTS, SHELLS } from "./shell-scripts.js";

async function taskNames(): Promise<string[]> {
  const { GROUPS, TASKS } = await import("../../../evaluation/benchmarks/registry.js");
  return [...TASKS, ...GROUPS].map(({ name }) => name);
}

const LISTS: ValueLists = {
  "--tasks": taskNames,
  "eval list names": taskNames,
  "--preset": async () => Object.keys((await import("../../../model/sizes/presets.js")).PRESETS),
  "cache rm dir": async () => {
    const { defaultCacheRoot } = await import("../../../engine/weight-cache/cache-folder.js");
    const { listCache } = await import("../../../engine/weight-cache/cache-entries.js");
    return listCache(defaultCacheRoot()).map(({ key }) => key);
  },
};

export function addCompletion(program: Command, exit: (code: number) => void): void {
  program
    .command("completion")
    .description("Print a completion script for bash, zsh or fish.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/settings.md",
        ["Install it for bash", "echo 'eval \"$(llama-ts completion bash)\"' >> ~/.bashrc"],
        ["Install it for zsh, in a folder of $fpath", "llama-ts completion zsh > ~/.zfunc/_llama-ts"],
        ["Install it for fish", "llama-ts completion fish > ~/.config/fish/completions/llama-ts.fish"],
      ),
    )
    .action(async (shell) => {
      await new Output(process.stdout, () => {}).write(SCRIPTS[shell]);
      exit(EXIT_OK);
    });
  program
    .command(ASK, { hidden: true })
    .argument("[words...]")
    .action(async (words) => {
      const found = await candidates(program as unknown as CompletedCommand, words, LISTS);
      const lines = found.words.map(({ word, description }) => (description ? `${word}\t${description}` : word));
      await new Output(process.stdout, () => {}).write(`${[found.kind, ...lines].join("\n")}\n`);
      exit(EXIT_OK);
    });
}
