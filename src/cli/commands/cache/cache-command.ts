/** Declares the command `cache`, its options and examples. Its implementation is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { examples } from "../../options/help.js";

export function addCache(program: Command, exit: (code: number) => void): void {
  const cache = program
    .command("cache")
    .description("List or remove the quantised weights that are cached on disk.")
    .usage("list|prune|rm|clear")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .addHelpText(
      "after",
      examples(
        "docs/accuracy.md",
        ["List the cached weights", "llama-ts cache list"],
        ["Print their total size in bytes", "llama-ts cache list --json | jq 'map(.bytes) | add'"],
        ["Remove those that cannot be used any more", "llama-ts cache prune"],
      ),
    );
  cache
    .command("list", { isDefault: true })
    .alias("ls")
    .description("list what is cached, and what cannot be used any more")
    .option("--json", "print a JSON array")
    .helpOption("-h, --help", "print help")
    .action(async (flags) => {
      const { listCommand } = await import("./cache.js");
      exit(await listCommand(flags));
    });
  cache
    .command("prune")
    .description("remove what cannot be used any more")
    .helpOption("-h, --help", "print help")
    .action(async () => {
      const { pruneCommand } = await import("./cache.js");
      exit(pruneCommand());
    });
  cache
    .command("rm")
    .alias("remove")
    .description("remove what is cached of some checkpoints")
    .argument("<dir...>", "folder of a checkpoint; or a key: the name of a folder in the list, or its start")
    .helpOption("-h, --help", "print help")
    .action(async (names) => {
      const { removeCommand } = await import("./cache.js");
      exit(removeCommand(names));
    });
  cache
    .command("clear")
    .description("remove everything")
    .helpOption("-h, --help", "print help")
    .action(async () => {
      const { clearCommand } = await import("./cache.js");
      exit(clearCommand());
    });
}
