/** Declares the command `inspect`, its options and examples. Its implementation is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { wholeNumber } from "../../options/flags.js";
import { examples } from "../../options/help.js";

export function addInspect(program: Command, exit: (code: number) => void): void {
  program
    .command("inspect")
    .description("Show what a checkpoint is and the memory it needs.")
    .usage("[options] [dir]")
    .argument("[dir]", "folder of the checkpoint, or a GGUF file (default: the bundled demo model)")
    .option("--ckpt_dir <dir>", "another way to give it")
    .option("--tokenizer_path <file>", "tokenizer.model or tokenizer.json (default: in the folder, then in its parent)")
    .option("--max_seq_len <n>", "context size to estimate the memory for (default: as for generate)", wholeNumber(1))
    .addOption(
      new Option("--dtype <type>", "type of the weights to estimate the memory for; auto: all of them")
        .choices(["auto", "fp32", "int8", "int4"])
        .default("auto" as const),
    )
    .option("--nnodes <n>", "show what each of n hosts like this one holds of the model", wholeNumber(1))
    .option("--verify", "check the files, which reads them whole: md5 of checklist.chk and all CRCs")
    .option("--json", "print one JSON object")
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/inspect.md",
        ["Show a checkpoint, and the memory that each type and number of ranks needs", "llama-ts inspect 13B"],
        [
          "List what fits into the memory of this machine",
          "llama-ts inspect 13B --json | jq '.needs[] | select(.fits)'",
        ],
        ["Check the files", "llama-ts inspect 13B --verify"],
      ),
    )
    .action(async (dir, flags) => {
      const { inspect } = await import("./inspect.js");
      exit(await inspect(dir, flags));
    });
}
