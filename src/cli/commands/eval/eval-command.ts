/** Declares the command `eval` and the commands in it, with their options and examples. Their implementations are loaded when they run. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { byteSize, wholeNumber } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import { messageOptions, modelOptions } from "../../options/option-groups.js";
import { submitOptions } from "../../queue/queue-flags.js";

/** Parses a number of documents, or below 1 a share of them. */
function documentLimit(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) ? value >= 1 : /^0?\.\d+$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("Expected a number of documents, or a share such as 0.1.");
}

export function addEval(program: Command, exit: (code: number) => void): void {
  const tasks = program
    .command("eval")
    .description("Measure the model by benchmarks, as lm-evaluation-harness does.")
    .usage("--tasks NAMES --data DIR | list | compare A B | report")
    .helpCommand(false)
    .optionsGroup("Tasks:")
    .option("--tasks <names>", "tasks or groups of them, with commas; a FILE.json is a task of yours")
    .option("--data <dir>", "folder with the files of the tasks; nothing is downloaded")
    .option(
      "--num_fewshot <n>",
      "examples before each document (default: each task's own number)",
      wholeNumber(0, 1000),
    )
    .option("--limit <n>", "only the first n documents of each task; below 1: a share of them", documentLimit)
    .option("--seed <n>", "seed of the draw of examples", wholeNumber(0, 2 ** 32 - 1), 1234)
    .addOption(
      new Option("--add_bos <when>", "whether texts begin with BOS; auto: as the tokenizer has it")
        .choices(["auto", "yes", "no"])
        .default("auto" as const),
    )
    .optionsGroup("Results:")
    .option("-o, --output <dir>", "write results below this folder, and answers while they come")
    .option("--log_samples", "with --output: write every document with its answers and scores")
    .option("--json", "print the results as one JSON object instead of a table")
    .addOption(
      new Option("--resume", "continue an existing output: ask only what has no answer").conflicts("overwrite"),
    )
    .option("--overwrite", "forget the answers of an existing output")
    .option(
      "--shard <i/n>",
      "every n-th document, starting with document i; auto: from a SLURM or Kubernetes job array",
    )
    .option("--concurrency <n>", "maximum number of requests that run at once", wholeNumber(1, 256), 16)
    .option(
      "--kv_memory <size>",
      "maximum size of the KV caches, such as 4G (default: half of the available memory)",
      byteSize,
    );
  const evaluation = messageOptions(submitOptions(modelOptions(tasks)))
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/evaluation.md",
        ["Measure by one task, 100 documents of it", "llama-ts eval --tasks arc_easy --data data --limit 100"],
        ["Show the tasks, the files they need and the paper's figures", "llama-ts eval list"],
        ["Compare two outputs on the same documents", "llama-ts eval compare out/fp32 out/int8"],
      ),
    )
    .action(async (flags) => {
      const { evaluate } = await import("./eval.js");
      exit(await evaluate(flags));
    });
  addParts(evaluation as unknown as Command, exit);
}

/** The commands that load no model. */
function addParts(evaluation: Command, exit: (code: number) => void): void {
  evaluation
    .command("list")
    .alias("ls")
    .description("show the tasks with the files they need, their licences and the paper's figures")
    .argument("[names...]", "only these tasks, in detail")
    .option("--json", "print a JSON array")
    .helpOption("-h, --help", "print help")
    .action(async (names, flags) => {
      const { listTasks } = await import("./eval-list.js");
      exit(await listTasks(names, flags));
    });
  evaluation
    .command("compare")
    .description("compare two outputs document by document")
    .argument("<a>", "folder of an output with samples, or its results file")
    .argument("<b>", "the other one")
    .option("--json", "print one JSON object")
    .option("--flips <n>", "documents to show whose answer changed, the largest change first", wholeNumber(0), 10)
    .helpOption("-h, --help", "print help")
    .action(async (a, b, flags) => {
      const { compareOutputs } = await import("./eval-compare.js");
      exit(await compareOutputs(a, b, flags));
    });
  evaluation
    .command("report")
    .description("write results as one page with tables and pictures")
    .argument("<results...>", "folders of outputs, or their results files")
    .requiredOption("-o, --output <file>", "the page, FILE.html; - is stdout")
    .helpOption("-h, --help", "print help")
    .action(async (results, flags) => {
      const { reportPage } = await import("./eval-report.js");
      exit(await reportPage(results, flags));
    });
  evaluation
    .command("scores")
    .description("show pass@k or mean scores of a file that another program has written")
    .argument("<file>", "JSON lines: results of the HumanEval runner, or a score for each text")
    .option("--json", "print a JSON array")
    .helpOption("-h, --help", "print help")
    .action(async (file, flags) => {
      const { showScores } = await import("./eval-scores.js");
      exit(await showScores(file, flags));
    });
}
