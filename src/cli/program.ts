/** The commands and their options, declared once. What they do is loaded when a command runs, so that --help is quick. */
import { Command, Option } from "@commander-js/extra-typings";
import { addBench } from "./bench-command.js";
import { decimal, lookupCount, oneNode, rankCount, seed, wholeNumber } from "./flags.js";
import { CACHE_HELP, GENERATE_HELP, heading, PROGRAM_HELP } from "./help.js";
import { printError } from "./notes.js";
import { versionText } from "./version.js";

/** Every command hands its exit code to `exit`; usage errors are thrown as CommanderError after they were printed. */
export function createProgram(exit: (code: number) => void) {
  const version = versionText();
  const program = new Command("llama-ts")
    .description("Run LLaMA models from Meta's own files on ordinary CPUs.")
    .usage("[command] [options]")
    .version(version, "-V, --version", "print the versions of llama-ts and onnxruntime-node")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ styleTitle: heading, subcommandTerm: (command) => command.name() })
    .configureOutput({ outputError: (text) => printError(oneLine(text)) })
    .addHelpText("after", PROGRAM_HELP);
  program
    .command("generate")
    .description("Continue a prompt. The text is streamed to stdout.")
    .usage("[options]")
    // Only a script name from a torchrun line may stand here.
    .argument("[words...]")
    .optionsGroup("Prompt:")
    .addOption(new Option("--prompt <text>", "text to continue; - reads stdin").conflicts("prompt_file"))
    .option("--prompt_file <file>", "file with the text to continue")
    .optionsGroup("Model:")
    .option("--ckpt_dir <dir>", "folder with params.json and consolidated.NN.pth; the bundled demo model without it")
    .option("--tokenizer_path <file>", "default: tokenizer.model in the folder, then in its parent")
    .addOption(
      new Option("--nproc_per_node <n>", "ranks (threads) to share the work: 1 to the number of heads, or auto")
        .argParser(rankCount)
        .default("auto" as const),
    )
    .option("--max_seq_len <n>", "tokens of prompt and text together (default: 2048, demo: 512)", wholeNumber(1))
    .addOption(
      new Option("--dtype <type>", "weights in memory; auto: fp32 up to 1e9 parameters, else int8")
        .choices(["auto", "fp32", "int8", "int4"])
        .default("auto" as const),
    )
    .option("--no_cache", "do not keep quantised weights for the next start")
    .optionsGroup("Sampling:")
    .option("--temperature <t>", "0 takes the most likely token; 0 or more", decimal(0), 0.8)
    .option("--top_p <p>", "sample from the most likely tokens that reach this mass, 0 to 1", decimal(0, 1), 0.95)
    .option("--max_gen_len <n>", "new tokens at most", wholeNumber(0), 256)
    .option("--seed <n>", "makes the text repeatable for a number of ranks (default: random)", seed)
    .addOption(
      new Option("--prompt_lookup_num_tokens <n>", "tokens guessed from earlier text and checked in one step; 0: never")
        .argParser(lookupCount)
        .default("auto" as const),
    )
    .optionsGroup("Output:")
    .option("--echo", "print the prompt before the text")
    .option("--json", "print one JSON object instead of text")
    .addOption(new Option("--quiet", "errors only on stderr").conflicts("verbose"))
    .option("--verbose", "tell about model, ranks and loading on stderr")
    .optionsGroup("Other:")
    .version(version, "-V, --version", "print the versions")
    .helpOption("-h, --help", "print help")
    .addOption(new Option("--standalone").hideHelp())
    .addOption(new Option("--nnodes <n>").argParser(oneNode).hideHelp())
    .addOption(new Option("--node_rank <n>").argParser(wholeNumber(0, 0)).hideHelp())
    .addOption(new Option("--master_addr <host>").hideHelp())
    .addOption(new Option("--master_port <port>").hideHelp())
    .addOption(new Option("--max_batch_size <n>").argParser(wholeNumber(1)).hideHelp())
    .addHelpText("after", GENERATE_HELP)
    .action(async (words, flags) => {
      const { generate } = await import("./generate.js");
      exit(await generate(flags, words));
    });
  addBench(program, exit);
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
  return program;
}

/** commander puts its suggestion on a line of its own. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
}
