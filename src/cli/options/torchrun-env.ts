/** Reads the environment variables of torchrun as defaults of options that the line leaves out. Does not know what the options do. */
import { type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import { LlamaError } from "../../error.js";

/** Options that torchrun reads from PET_<NAME>. */
const PET_OPTIONS = [
  ...["nproc_per_node", "nnodes", "node_rank", "master_addr", "master_port", "max_restarts", "monitor_interval"],
  ...["standalone", "role", "log_dir", "redirects", "tee", "local_ranks_filter"],
];
/** Values that torchrun reads as "off". */
const OFF = ["", "0"];

/** torchrun's options about the script, which is not run. */
const SCRIPT_FLAGS = ["module", "no_python", "run_path"];

/** Sets options that still have their defaults from PET_* and WORLD_SIZE (the default of the ranks in Meta's Llama.build). Throws LlamaError for a wrong value. */
export function applyTorchrunEnvironment(command: CommandUnknownOpts, env: NodeJS.ProcessEnv): void {
  for (const name of SCRIPT_FLAGS) {
    if (command.getOptionValue(name) !== undefined) {
      throw new LlamaError("usage", `--${name} is not used`, { fix: "No script is run: leave the option out" });
    }
  }
  for (const name of PET_OPTIONS) apply(command, name, `PET_${name.toUpperCase()}`, env);
  apply(command, "nproc_per_node", "WORLD_SIZE", env);
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
