/** The options of `inspect`, declared once. What it does is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { wholeNumber } from "../../options/flags.js";
import { INSPECT_HELP } from "../../options/help.js";

export function addInspect(program: Command, exit: (code: number) => void): void {
  program
    .command("inspect")
    .description("Tell what a checkpoint is and what memory it needs, without loading its weights.")
    .usage("[options] [dir]")
    .argument("[dir]", "folder of the checkpoint; the bundled demo model without it")
    .option("--ckpt_dir <dir>", "the same")
    .option("--tokenizer_path <file>", "default: tokenizer.model in the folder, then in its parent")
    .option("--max_seq_len <n>", "tokens of the context that memory is reckoned for (default: 2048)", wholeNumber(1))
    .option("--verify", "check the files: md5 of checklist.chk and all CRCs (reads all of them)")
    .option("--json", "print one JSON object")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", INSPECT_HELP)
    .action(async (dir, flags) => {
      const { inspect } = await import("./inspect.js");
      exit(await inspect(dir, flags));
    });
}
