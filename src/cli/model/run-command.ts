/** The frame of a command with a model: interrupts, output, rank logs and the exit code. Does not know what the command does. */
import type { RankFlags } from "../options/flags.js";
import { hasNodes } from "../options/node-flags.js";
import { EXIT_OK } from "../terminal/exit-code.js";
import { Interrupt } from "../terminal/interrupt.js";
import { Output } from "../terminal/output.js";
import type { LoadFlags, ModelUse } from "./load.js";
import { RankLogs } from "./rank-logs.js";

/** Of commands whose work goes on whatever hosts are lost. */
export const UNLIMITED = { restarts: Number.POSITIVE_INFINITY };

type CommandFlags = LoadFlags | (RankFlags & { verbose?: true | undefined });

/** `bench` has lists of setups, for one host. */
function hasModel(flags: CommandFlags): flags is LoadFlags {
  return "nproc_per_node" in flags && !Array.isArray(flags.nproc_per_node);
}

/** Loaded only where it is asked for. */
const runNodes: typeof import("./run-nodes.js").runNodes = async (...run) => {
  const nodes = await import("./run-nodes.js");
  return nodes.runNodes(...run);
};

/** What a command works with. */
export interface CommandFrame {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** stdout. */
  readonly output: Output;
  readonly logs: RankLogs;
  readonly interrupt: Interrupt;
  /** For withModel(), if the model is on several hosts. */
  readonly startEngine: ModelUse["startEngine"];
}

/**
 * Runs `work` and returns the exit code: that of a signal, else the one that `work` returns. With --nnodes only node 0 runs it, and
 * the others hold layers for it. `restarts`: losses of a host that are survived without --max_restarts.
 */
export async function runCommand(
  flags: CommandFlags,
  work: (frame: CommandFrame) => Promise<number | undefined>,
  { restarts = 0 }: { restarts?: number } = {},
): Promise<number> {
  const control = new AbortController();
  const { signal } = control;
  const stop = () => control.abort();
  const interrupt = new Interrupt(stop);
  try {
    const logs = new RankLogs(flags);
    const output = new Output(process.stdout, stop, logs);
    const run = (startEngine: ModelUse["startEngine"]) => work({ signal, output, logs, interrupt, startEngine });
    const code = await (hasModel(flags) && hasNodes(flags)
      ? runNodes({ flags, logs, signal, restarts }, run)
      : run(undefined));
    return interrupt.exitCode ?? code ?? EXIT_OK;
  } catch (error) {
    if (!interrupt.explains(error) && !(signal.aborted && error === signal.reason)) throw error;
    return interrupt.exitCode ?? EXIT_OK;
  } finally {
    interrupt.dispose();
  }
}
