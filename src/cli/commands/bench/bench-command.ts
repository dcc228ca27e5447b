/** The options of `bench`, declared once. What it does is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { wholeNumber } from "../../options/flags.js";
import { BENCH_HELP } from "../../options/help.js";
import { messageOptions, rankOptions } from "../../options/option-groups.js";
import { dtypes, rankCounts, threadCounts, tokenCounts } from "./bench-flags.js";

export function addBench(program: Command, exit: (code: number) => void): void {
  const options = program
    .command("bench")
    .description("Measure the speed of prompts (prefill) and of text (decode).")
    .usage("[options]")
    .optionsGroup("Model:")
    .option("--ckpt_dir <dir>", "folder with params.json and consolidated.NN.pth; the bundled demo model without it")
    .option("--tokenizer_path <file>", "default: tokenizer.model or .json in the folder, then in its parent")
    .addOption(
      new Option("--preset <name>", "a released shape with random weights instead: 7B, 13B, 3-8B, ...").conflicts([
        "ckpt_dir",
        "tokenizer_path",
      ]),
    )
    .option("--layers <n>", "so many layers of the preset", wholeNumber(1, 1000))
    .optionsGroup("Setups (each a list, as 1,2,4: all combinations are measured):")
    .addOption(
      new Option("--dtype <types>", "auto, fp32, int8, int4").argParser(dtypes).default(["auto" as const], "auto"),
    )
    .addOption(
      new Option("--nproc_per_node <ns>", "ranks: 1 to the number of heads, or auto")
        .argParser(rankCounts)
        .default(["auto" as const], "auto"),
    )
    .option("--threads <ns>", "threads of each rank (default: OMP_NUM_THREADS or cores / ranks)", threadCounts)
    .option("--no_cache", "do not keep quantised weights for the next start")
    .option("--force", "load even what needs more memory than is available")
    .optionsGroup("Tests (each a list):")
    .addOption(new Option("--pp <ns>", "prompt tokens; 0: none").argParser(tokenCounts).default([512], "512"))
    .addOption(new Option("--tg <ns>", "tokens of text; 0: none").argParser(tokenCounts).default([64], "64"))
    .addOption(new Option("--depth <ns>", "tokens of context before the text").argParser(tokenCounts).default([0], "0"))
    .option("--trials <n>", "trials of each test", wholeNumber(1, 10_000), 5)
    .option("--warmup <n>", "trials before them that do not count", wholeNumber(0, 10_000), 1)
    .optionsGroup("Output:")
    .addOption(new Option("--json", "print one JSON object").conflicts(["csv", "table"]))
    .addOption(new Option("--csv", "print CSV; the default where stdout is no terminal").conflicts("table"))
    .option("--table", "print a table; the default on a terminal");
  messageOptions(rankOptions(options))
    .helpOption("-h, --help", "print help")
    .addHelpText("after", BENCH_HELP)
    .action(async (flags) => {
      const { bench } = await import("./bench.js");
      exit(await bench(flags));
    });
}
