/** Declares the command `bench`, its options and examples. Its implementation is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { LlamaError } from "../../../error.js";
import { wholeNumber } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import { messageOptions, rankOptions } from "../../options/option-groups.js";
import { ckptDirOf } from "../../options/script-word.js";
import { DTYPES, dtypes, rankCounts, threadCounts, tokenCounts } from "./bench-flags.js";

export function addBench(program: Command, exit: (code: number) => void): void {
  const options = program
    .command("bench")
    .description("Measure the speed of prompts (prefill) and new tokens (decode).")
    .usage("[options] [dir]")
    .argument("[dir]", "folder of the model, as with --ckpt_dir")
    .optionsGroup("Model:")
    .option("--ckpt_dir <dir>", "folder of Meta's or Hugging Face's files, or a GGUF file (default: the demo model)")
    .option("--tokenizer_path <file>", "tokenizer.model or tokenizer.json (default: in the folder, then in its parent)")
    .addOption(
      new Option("--preset <name>", "a released shape with random weights instead: 7B, 13B, 3-8B, ...").conflicts([
        "ckpt_dir",
        "tokenizer_path",
      ]),
    )
    .option("--layers <n>", "use only n layers of the preset", wholeNumber(1, 1000))
    .optionsGroup("Setups (lists such as 1,2,4; every combination is measured):")
    .addOption(
      withChoices(
        new Option("--dtype <types>", "types of the weights").argParser(dtypes).default(["auto" as const], "auto"),
        DTYPES,
      ),
    )
    .addOption(
      new Option("--kv_dtype <type>", "type of keys and values")
        .choices(["auto", "fp32", "int8"])
        .default("auto" as const),
    )
    .addOption(
      new Option("--nproc_per_node <ns>", "ranks: 1 to the number of heads, or auto")
        .argParser(rankCounts)
        .default(["auto" as const], "auto"),
    )
    .option("--threads <ns>", "threads of each rank (default: OMP_NUM_THREADS or cores / ranks)", threadCounts)
    .option("--no_cache", "do not read or write the cache of quantised weights")
    .option("--force", "load even if the model needs more memory than is available")
    .optionsGroup("Tests (lists):")
    .addOption(new Option("--pp <ns>", "prompt tokens; 0: skip the test").argParser(tokenCounts).default([512], "512"))
    .addOption(new Option("--tg <ns>", "new tokens; 0: skip the test").argParser(tokenCounts).default([64], "64"))
    .addOption(
      new Option("--depth <ns>", "context tokens before the new ones").argParser(tokenCounts).default([0], "0"),
    )
    .option("--trials <n>", "trials per test", wholeNumber(1, 10_000), 5)
    .option("--warmup <n>", "trials before them that are not counted", wholeNumber(0, 10_000), 1)
    .optionsGroup("Output:")
    .addOption(new Option("--json", "print one JSON object").conflicts(["csv", "table"]))
    .addOption(new Option("--csv", "print CSV (default unless stdout is a terminal)").conflicts("table"))
    .option("--table", "print a table (default on a terminal)");
  messageOptions(rankOptions(options))
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/bench.md",
        ["Measure the bundled demo model", "llama-ts bench"],
        ["Compare two types at two context lengths", "llama-ts bench --ckpt_dir 7B --dtype int8,int4 --depth 0,1500"],
        [
          "Measure 8 layers of the 7B shape with random weights, as CSV",
          "llama-ts bench --preset 7B --layers 8 --dtype int4 --csv > 7B.csv",
        ],
      ),
    )
    .action(async (dir, flags) => {
      const { bench } = await import("./bench.js");
      const folder = ckptDirOf(dir, flags.ckpt_dir);
      if (folder.ckpt_dir !== undefined && flags.preset !== undefined) {
        throw new LlamaError("usage", "a folder and a preset given", { found: `${dir} and --preset ${flags.preset}` });
      }
      exit(await bench({ ...flags, ...folder }));
    });
}

/** Shows and completes the choices of an option with a parser of its own; commander's choices() would replace it. */
function withChoices<O extends { argChoices?: string[] }>(option: O, choices: readonly string[]): O {
  option.argChoices = [...choices];
  return option;
}
