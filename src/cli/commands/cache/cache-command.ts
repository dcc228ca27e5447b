/** Declares the command `cache`, its options and examples. Its implementation is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { examples } from "../../options/help.js";

export function addCache(program: Command, exit: (code: number) => void): void {
  const cache = program
    .command("cache")
    .description("List or clear the quantised weights that are cached on disk.")
    .usage("list|clear")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .addHelpText(
      "after",
      examples(
        "docs/accuracy.md",
        ["List the cached weights", "llama-ts cache list"],
        ["Print their total size in bytes", "llama-ts cache list --json | jq 'map(.bytes) | add'"],
        ["Remove them", "llama-ts cache clear"],
      ),
    );
  cache
    .command("list", { isDefault: true })
    .description("list what is cached, from which checkpoint, and its size")
    .option("--json", "print a JSON array")
    .helpOption("-h, --help", "print help")
    .action(async (flags) => {
      const { listCommand } = await import("./cache.js");
      exit(await listCommand(flags));
    });
  cache
    .command("clear")
    .description("remove everything")
    .helpOption("-h, --help", "print help")
    .action(async () => {
      const { clearCommand } = await import("./cache.js");
      exit(await clearCommand());
    });
}
