/**
 * Groups of options that several commands take, declared once. Knows no command.
 * Their types are written out in flags.ts: inferred over so many options, the compiler takes all memory there is.
 */
import { type Command, type CommandUnknownOpts, Option, type OptionValues } from "@commander-js/extra-typings";
import type { Command as PlainCommand } from "commander";
import {
  byteSize,
  decimal,
  type LineFlags,
  logitBias,
  lookupCount,
  type MessageFlags,
  type ModelFlags,
  penalty,
  positive,
  type RankFlags,
  rankCount,
  type SamplingFlags,
  seed,
  stopString,
  wholeNumber,
} from "./flags.js";
import { applyTorchrunEnvironment } from "./torchrun-env.js";
import { firstNode, noBatchSize, noRestarts, oneNode, rankFilter, refusal, streamsText } from "./torchrun-flags.js";

/** Which model, and how it is loaded. */
export function modelOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Model:")
    .option("--ckpt_dir <dir>", "folder of Meta's or Hugging Face's files; the bundled demo model without it")
    .option("--tokenizer_path <file>", "default: tokenizer.model or .json in the folder, then in its parent")
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
    .option("--force", "load even what needs more memory than is available")
    .option("--verify", "check the files first: md5 of checklist.chk and all CRCs");
  return rankOptions(command) as unknown as Command<A, O & ModelFlags>;
}

/** How the next token is chosen, and when to stop. */
export function samplingOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Sampling:")
    .option("--temperature <t>", "0 takes the most likely token; 0 or more", decimal(0), 0.8)
    .option("--top_p <p>", "sample from the most likely tokens that reach this mass, 0 to 1", decimal(0, 1), 0.95)
    .option("--top_k <n>", "sample from so many of the most likely tokens; 0: from any number", wholeNumber(0), 0)
    .option("--min_p <p>", "sample from tokens at least so likely as this share of the likeliest", decimal(0, 1), 0)
    .option("--repetition_penalty <p>", "above 1: fewer tokens of prompt and text again", positive, 1)
    .option("--presence_penalty <p>", "taken from each token that stands in the text, -2 to 2", penalty, 0)
    .option("--frequency_penalty <p>", "taken for each time that it stands there, -2 to 2", penalty, 0)
    .addOption(
      new Option("--logit_bias <id=bias>", "added to the logit of a token; -inf forbids it; repeatable").argParser(
        logitBias,
      ),
    )
    .option("--max_gen_len <n>", "new tokens at most", wholeNumber(0), 256)
    .addOption(
      new Option("--stop <text>", "end the text before this; may be given several times").argParser(stopString),
    )
    .option("--seed <n>", "makes the text repeatable for a number of ranks (default: random)", seed)
    .addOption(
      new Option("--prompt_lookup_num_tokens <n>", "tokens guessed from earlier text and checked in one step; 0: never")
        .argParser(lookupCount)
        .default("auto" as const),
    );
  return command as unknown as Command<A, O & SamplingFlags>;
}

/** Lines in, lines out, many at once. */
export function lineOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Lines:")
    .option("-o, --output <file>", "file the answers are appended to (default: stdout)")
    .addOption(new Option("--resume", "go on with the output: skip what has its answer there").conflicts("overwrite"))
    .option("--overwrite", "replace an output that exists")
    .option("--shard <i/n>", "only every n-th line, from the i-th on; auto: from SLURM's or Kubernetes' job array")
    .option("--concurrency <n>", "requests that run at once at most", wholeNumber(1, 256), 16)
    .option("--kv_memory <size>", "for keys and values at most, as 4G (default: half of the free memory)", byteSize)
    .addOption(new Option("--max_batch_size <n>").argParser(noBatchSize).hideHelp());
  return command as unknown as Command<A, O & LineFlags>;
}

/** What is told beside the results. */
export function messageOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Other:")
    .addOption(new Option("--color <when>", "on stderr").choices(["auto", "always", "never"]).default("auto" as const))
    .addOption(new Option("--quiet", "errors only on stderr").conflicts("verbose"))
    .option("--verbose", "tell about model, ranks and loading on stderr");
  return command as unknown as Command<A, O & MessageFlags>;
}

/** The options of samplingOptions() as the library takes them. */
export function samplingSettings(flags: SamplingFlags) {
  return {
    temperature: flags.temperature,
    topP: flags.top_p,
    topK: flags.top_k,
    minP: flags.min_p,
    repetitionPenalty: flags.repetition_penalty,
    presencePenalty: flags.presence_penalty,
    frequencyPenalty: flags.frequency_penalty,
    maxGenLen: flags.max_gen_len,
    promptLookupNumTokens: flags.prompt_lookup_num_tokens,
    ...(flags.logit_bias && { logitBias: flags.logit_bias }),
    ...(flags.stop && { stop: flags.stop }),
    ...(flags.seed !== undefined && { seed: flags.seed }),
  };
}

/** How ranks run and what they tell, with torchrun's options: docs/torchrun.md. Given in the environment as PET_<NAME> too. */
export function rankOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Ranks (with torchrun's options):")
    .option("--log_dir <dir>", "keep what each rank reports, in DIR/none_XXXXXX/attempt_0/RANK")
    .addOption(
      new Option("-r, --redirects <s>", "streams of ranks into files: 0 none, 1 stdout, 2 stderr, 3 both, 0:1,1:3")
        .argParser(streamsText)
        .default("0"),
    )
    .addOption(new Option("-t, --tee <s>", "into files and shown as well").argParser(streamsText).default("0"))
    .addOption(new Option("--local_ranks_filter <ranks>", "show these ranks only: 0,1").argParser(rankFilter))
    .addOption(new Option("--role <name>").default("default").hideHelp())
    .addOption(
      new Option("--cpu_bind <how>", "spread: each rank on cores of its own (Linux)")
        .choices(["none", "spread"])
        .default("none"),
    )
    .option("--rank_timeout <s>", "give up when no rank gets on for so many seconds; 0: never", decimal(0, 1e6), 300)
    // cli/start.ts looks at it before anything is parsed.
    .option("--no_supervisor", "run in one process, which cannot tell why it was killed")
    .hook("preAction", (_, action) => applyTorchrunEnvironment(action as unknown as CommandUnknownOpts, process.env));
  addTakenOptions(plain(command));
  return command as unknown as Command<A, O & RankFlags>;
}

/** What else stands on a torchrun line: taken, or refused with what to use instead. */
function addTakenOptions(command: PlainCommand): void {
  const add = (flags: string, parse?: (text: string) => unknown) => {
    const option = new Option(flags).hideHelp();
    command.addOption(parse ? option.argParser(parse) : option);
  };
  add("--standalone");
  add("--nnodes <n>", oneNode);
  add("--node_rank <n>", firstNode);
  add("--master_addr <host>");
  add("--master_port <port>", wholeNumber(0, 65535));
  add("--max_restarts <n>", noRestarts);
  add("--monitor_interval <s>", decimal(0));

  const ranks = refusal("give --nproc_per_node N alone, or with --standalone");
  for (const name of ["rdzv_backend", "rdzv_endpoint", "rdzv_id", "rdzv_conf", "local_addr"])
    add(`--${name} <v>`, ranks);
  add("--start_method <v>", refusal("they are threads of one process"));
  add("--event_log_handler <v>", refusal("use --log_dir and --verbose"));
  add("--logs_specs <v>", refusal("use --log_dir, --redirects and --tee"));
  add("--numa_binding <v>", refusal("start it under numactl or taskset"));
  add("--signals_to_handle <v>", refusal("SIGINT, SIGTERM and SIGHUP are always handled"));
  for (const flags of ["-m, --module", "--no_python", "--run_path"]) add(flags);
}

/** What only Meta's examples take: nothing follows from it. */
export function scriptOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command).addOption(new Option("--max_batch_size <n>").argParser(wholeNumber(1)).hideHelp());
  return command;
}

function plain(command: unknown): PlainCommand {
  return command as PlainCommand;
}
