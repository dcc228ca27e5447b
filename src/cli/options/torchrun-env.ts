/** Reads the environment variables of torchrun as defaults of options that the line leaves out. Does not know what the options do. */
import { type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import { LlamaError } from "../../error.js";
import { printNote } from "../terminal/notes.js";
import { hasNodes } from "./node-flags.js";

/** Options that torchrun reads from PET_<NAME>. */
const PET_OPTIONS = [
  ...["nproc_per_node", "nnodes", "node_rank", "master_addr", "master_port", "max_restarts", "monitor_interval"],
  ...["standalone", "role", "log_dir", "redirects", "tee", "local_ranks_filter"],
  ...["rdzv_backend", "rdzv_endpoint", "rdzv_id", "rdzv_conf"],
];
/** Options of a model over several hosts: without effect on one. */
const NODE_OPTIONS = [
  "node_rank",
  "layers_per_node",
  "max_restarts",
  "rdzv_backend",
  "rdzv_endpoint",
  "rdzv_id",
  "rdzv_conf",
];
/** Values that torchrun reads as "off". */
const OFF = ["", "0"];

const ONE_PROCESS = "all ranks run in this process";
const ONE_HOST = "the model is on one host";
const NO_SCRIPT = "no script is run";
/** Options that are accepted although they do nothing here, with the reason. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  max_restarts: "ranks are not restarted",
  ...{ rdzv_backend: ONE_HOST, rdzv_endpoint: ONE_HOST, rdzv_id: ONE_HOST, rdzv_conf: ONE_HOST },
  layers_per_node: ONE_HOST,
  ...{ local_addr: ONE_PROCESS, start_method: ONE_PROCESS },
  ...{ no_python: NO_SCRIPT, run_path: NO_SCRIPT },
};

/** Sets options that still have their defaults from PET_* and WORLD_SIZE (the default of the ranks in Meta's Llama.build). Throws LlamaError for a wrong value. */
export function applyTorchrunEnvironment(command: CommandUnknownOpts, env: NodeJS.ProcessEnv): void {
  for (const name of PET_OPTIONS) apply(command, name, `PET_${name.toUpperCase()}`, env);
  apply(command, "nproc_per_node", "WORLD_SIZE", env);
}

/** Prints which options of the line do nothing here, one line for each reason. Throws LlamaError for a rank of a host without the number of hosts. */
export function noteWithoutEffect(command: CommandUnknownOpts): void {
  const reasons = new Map<string, string[]>();
  const isGroup = hasNodes(command.opts());
  const rank: unknown = command.getOptionValue("node_rank");
  if (!isGroup && typeof rank === "number" && rank > 0) {
    throw new LlamaError("usage", `--node_rank ${rank} needs --nnodes`, { fix: "Give all hosts the same --nnodes" });
  }
  for (const [name, reason] of Object.entries(WITHOUT_EFFECT)) {
    if (isGroup && NODE_OPTIONS.includes(name)) continue;
    const value: unknown = command.getOptionValue(name);
    // Of a command whose help shows the option, it has an effect.
    if (command.options.some(({ long, hidden }) => long === `--${name}` && !hidden)) continue;
    if (value !== undefined && value !== 0) reasons.set(reason, [...(reasons.get(reason) ?? []), `--${name}`]);
  }
  if (command.getOptionValue("quiet")) return;
  for (const [reason, names] of reasons) {
    const last = names.pop()!;
    const list = names.length === 0 ? `${last} has` : `${names.join(", ")} and ${last} have`;
    printNote(`${list} no effect: ${reason}.`);
  }
}

/** Threads of a rank from OMP_NUM_THREADS; of a list, which is for nested regions, the first number counts. */
export function threadsOfEnvironment(env: NodeJS.ProcessEnv): number | undefined {
  const [first] = (env.OMP_NUM_THREADS ?? "").split(",");
  return /^0*[1-9]\d{0,3}$/.test(first!.trim()) ? Number(first) : undefined;
}

function apply(command: CommandUnknownOpts, name: string, variable: string, env: NodeJS.ProcessEnv): void {
  const option = command.options.find(({ long }) => long === `--${name}`);
  const text = env[variable];
  const source = command.getOptionValueSource(name);
  if (!option || text === undefined || text === "" || (source !== undefined && source !== "default")) return;
  if (option.isBoolean()) {
    if (!OFF.includes(text)) command.setOptionValueWithSource(name, true, variable);
    return;
  }
  try {
    const value = option.parseArg ? option.parseArg(text, undefined) : text;
    command.setOptionValueWithSource(name, value, variable);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new LlamaError("usage", `'${text}' is invalid. ${error.message}`, { where: variable });
  }
}
