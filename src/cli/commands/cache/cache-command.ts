/** The options of `cache`, declared once. What it does is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { CACHE_HELP } from "../../options/help.js";

export function addCache(program: Command, exit: (code: number) => void): void {
  const cache = program
    .command("cache")
    .description("Quantised weights kept on disk: list them, or remove them.")
    .usage("list|clear")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", CACHE_HELP);
  cache
    .command("list", { isDefault: true })
    .description("what is kept, from which checkpoint, and its size")
    .option("--json", "print a JSON array")
    .helpOption("-h, --help", "print help")
    .action(async (flags) => {
      const { listCommand } = await import("./cache.js");
      exit(await listCommand(flags));
    });
  cache
    .command("clear")
    .description("remove all of it")
    .helpOption("-h, --help", "print help")
    .action(async () => {
      const { clearCommand } = await import("./cache.js");
      exit(await clearCommand());
    });
}
