/**
 * Declares the groups of options that several commands share. Does not know the commands.
 * Their types are written out in flags.ts: if they are inferred over all these options, tsc needs 22 GB of memory.
 */
import { type Command, type CommandUnknownOpts, Option, type OptionValues } from "@commander-js/extra-typings";
import type { Command as PlainCommand } from "commander";
import { SAMPLING_ROWS, type SamplingKey } from "../../generation/sampling/option-table.js";
import type { GenerateOptions } from "../../index.js";
import {
  byteSize,
  CHAT_WORDS,
  type ChatFlags,
  decimal,
  type FormFlags,
  type LineFlags,
  type MessageFlags,
  type ModelFlags,
  parserOf,
  type RankFlags,
  rankCount,
  type SamplingFlags,
  wholeNumber,
} from "./flags.js";
import { layerCounts, MAX_NODES, nodeCount, rdzvConf } from "./node-flags.js";
import { applyTorchrunEnvironment, noteWithoutEffect } from "./torchrun-env.js";
import { noBatchSize, rankFilter, refusal, streamsText } from "./torchrun-flags.js";

/** Adds the options of the model and of how it is loaded, and those of ranks. */
export function modelOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Model:")
    .option("--ckpt_dir <dir>", "folder of Meta's or Hugging Face's files, or a GGUF file (default: the demo model)")
    .option("--tokenizer_path <file>", "tokenizer.model or tokenizer.json (default: in the folder, then in its parent)")
    .addOption(
      new Option("--nproc_per_node <n>", "ranks (threads) that share the work: 1 to the number of heads, or auto")
        .argParser(rankCount)
        .default("auto" as const),
    )
    .option("--threads <n>", "threads of each rank (default: OMP_NUM_THREADS, or cores / ranks)", wholeNumber(1, 1024))
    .option(
      "--max_seq_len <n>",
      "maximum tokens of prompt and text together (default: the model's context, else 2048)",
      wholeNumber(1),
    )
    .addOption(
      new Option(
        "--dtype <type>",
        "type of the weights in memory; auto: a GGUF file's, fp32 up to 1e9 parameters, or int8",
      )
        .choices(["auto", "fp32", "int8", "int4"])
        .default("auto" as const),
    )
    .addOption(
      new Option("--kv_dtype <type>", "type of keys and values in memory; auto: int8 beside int8 and int4, else fp32")
        .choices(["auto", "fp32", "int8"])
        .default("auto" as const),
    )
    .option("--no_cache", "do not read or write the cache of quantised weights")
    .option("--force", "load even if the model needs more memory than is available")
    .option("--verify", "check the files before loading: md5 of checklist.chk and all CRCs");
  return rankOptions(command) as unknown as Command<A, O & ModelFlags>;
}

/** Adds the choice of a chat format. `fallback`: the value without the option. */
export function chatOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>, fallback?: "auto") {
  const help = "how to write messages, or the file of a template; auto: the model's way";
  const option = new Option("--chat <format>", help).choices(CHAT_WORDS);
  // Any other value is a file.
  option.argParser((value) => value);
  plain(command).addOption(fallback === undefined ? option : option.default(fallback));
  return command as unknown as Command<A, O & ChatFlags>;
}

/** Adds the options of how to choose the next token and when to stop. */
export function samplingOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command).optionsGroup("Sampling:");
  for (const { name, argument, help, kind, commandDefault } of SAMPLING_ROWS) {
    const option = new Option(`--${name} ${argument}`, help).argParser(parserOf(kind));
    plain(command).addOption(commandDefault === undefined ? option : option.default(commandDefault));
  }
  return command as unknown as Command<A, O & SamplingFlags>;
}

/** Adds the options of the form that binds an answer. */
export function formOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  const option = (flags: string, help: string) => {
    const own = new Option(flags, help);
    return own.conflicts(FORM_NAMES.filter((name) => name !== own.attributeName()));
  };
  plain(command)
    .optionsGroup("Form of the answer:")
    .addOption(option("--json_schema <file>", "JSON that is valid by this schema: a file, its text, or - for stdin"))
    .addOption(option("--json_object", "any JSON object"))
    .addOption(option("--regex <re>", "text that this regular expression matches as a whole"))
    .addOption(option("--grammar <file>", "text of the grammar in this file, in EBNF as GBNF files have"));
  return command as unknown as Command<A, O & FormFlags>;
}

const FORM_NAMES = ["json_schema", "json_object", "regex", "grammar"];

/** Adds the options of commands that read and write JSON lines, many at once. */
export function lineOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Lines:")
    .option("-o, --output <file>", "append the answers to this file (default: stdout)")
    .addOption(
      new Option("--resume", "continue an existing output: skip lines that have an answer").conflicts("overwrite"),
    )
    .option("--overwrite", "replace an existing output")
    .option("--shard <i/n>", "read every n-th line, starting at line i; auto: from a SLURM or Kubernetes job array")
    .option("--concurrency <n>", "maximum number of requests that run at once", wholeNumber(1, 256), 16)
    .option(
      "--kv_memory <size>",
      "maximum size of the KV caches, such as 4G (default: half of the available memory)",
      byteSize,
    )
    .addOption(new Option("--max_batch_size <n>").argParser(noBatchSize).hideHelp());
  return command as unknown as Command<A, O & LineFlags>;
}

/** Adds the options of what is reported on stderr. */
export function messageOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Other:")
    .addOption(
      new Option("--color <when>", "colour stderr").choices(["auto", "always", "never"]).default("auto" as const),
    )
    .addOption(new Option("--quiet", "print only errors on stderr").conflicts("verbose"))
    .option("--verbose", "report model, ranks and loading on stderr");
  return command as unknown as Command<A, O & MessageFlags>;
}

/** Converts the options of samplingOptions() to those of the library. */
export function samplingSettings(flags: SamplingFlags): Pick<GenerateOptions, SamplingKey> {
  const given = SAMPLING_ROWS.filter(({ name }) => flags[name] !== undefined);
  return Object.fromEntries(given.map(({ name, key }) => [key, flags[name]]));
}

/** Adds the options of how ranks run and what they report, with torchrun's (docs/torchrun.md), which are read from PET_<NAME> variables too. */
export function rankOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command)
    .optionsGroup("Ranks (with torchrun's options):")
    .addOption(
      new Option(
        "--nnodes <n>",
        "hosts that hold the model together, each some layers; each runs this line (docs/torchrun.md)",
      ).argParser(nodeCount),
    )
    .option("--log_dir <dir>", "write each rank's reports to DIR/none_XXXXXX/attempt_0/RANK")
    .addOption(
      new Option(
        "-r, --redirects <s>",
        "redirect rank streams to files: 0 none, 1 stdout, 2 stderr, 3 both; by rank: 0:1,1:3",
      )
        .argParser(streamsText)
        .default("0"),
    )
    .addOption(
      new Option("-t, --tee <s>", "like --redirects, but also show them on the terminal")
        .argParser(streamsText)
        .default("0"),
    )
    .addOption(new Option("--local_ranks_filter <ranks>", "show only these ranks, such as 0,1").argParser(rankFilter))
    .addOption(new Option("--role <name>").default("default").hideHelp())
    .addOption(
      new Option("--cpu_bind <how>", "spread: bind each rank to its own cores (Linux)")
        .choices(["none", "spread"])
        .default("none"),
    )
    .option(
      "--rank_timeout <s>",
      "abort if no rank makes progress for this many seconds; 0: never",
      decimal(0, 1e6),
      300,
    )
    // start.cts reads it before anything is parsed.
    .option("--no_supervisor", "run in a single process; a kill is then not explained")
    .hook("preAction", (_, action) => {
      applyTorchrunEnvironment(action as unknown as CommandUnknownOpts, process.env);
      noteWithoutEffect(action as unknown as CommandUnknownOpts);
    });
  addHiddenOptions(plain(command));
  return command as unknown as Command<A, O & RankFlags>;
}

/** Adds torchrun's other options, hidden: accepted without effect (torchrun-env.ts prints which), or refused with what to use instead. */
function addHiddenOptions(command: PlainCommand): void {
  const add = (flags: string, parse?: (text: string) => unknown) => {
    const option = new Option(flags).hideHelp();
    command.addOption(parse ? option.argParser(parse) : option);
  };
  add("--standalone");
  add("--node_rank <n>", wholeNumber(0, MAX_NODES - 1));
  add("--layers_per_node <list>", layerCounts);
  add("--master_addr <host>");
  add("--master_port <port>", wholeNumber(0, 65535));
  add("--max_restarts <n>", wholeNumber(0));
  add("--monitor_interval <s>", decimal(0));
  add("--rdzv_conf <v>", rdzvConf);
  for (const name of ["rdzv_backend", "rdzv_endpoint", "rdzv_id", "local_addr", "start_method"]) add(`--${name} <v>`);
  add("--event_log_handler <v>", refusal("use --log_dir and --verbose"));
  add("--logs_specs <v>", refusal("use --log_dir, --redirects and --tee"));
  add("--numa_binding <v>", refusal("start it under numactl or taskset"));
  add("--signals_to_handle <v>", refusal("SIGINT, SIGTERM and SIGHUP are always handled"));
  for (const flags of ["-m, --module", "--no_python", "--run_path"]) add(flags);
}

/** Adds the option that only Meta's example scripts have: accepted without effect. */
export function scriptOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  plain(command).addOption(new Option("--max_batch_size <n>").argParser(wholeNumber(1)).hideHelp());
  return command;
}

function plain(command: unknown): PlainCommand {
  return command as PlainCommand;
}
