/** The frame of a command with a model: interrupts, output, rank logs and the exit code. Does not know what the command does. */
import type { RankFlags } from "../options/flags.js";
import { hasNodes } from "../options/node-flags.js";
import { EXIT_OK } from "../terminal/exit-code.js";
import { Interrupt } from "../terminal/interrupt.js";
import { Output } from "../terminal/output.js";
import type { LoadFlags, ModelUse } from "./load.js";
import type { NodeModel } from "./node-facts.js";
import { RankLogs } from "./rank-logs.js";
import type { NodeRun, StartEngine } from "./run-nodes.js";

/** Of commands whose work continues whatever hosts are lost. */
export const UNLIMITED = { restarts: Number.POSITIVE_INFINITY };

/** How a command runs on several hosts. */
export interface NodeChoices {
  /** Losses of a host that are survived without --max_restarts; default 0. */
  restarts?: number;
  /** The model of a command whose options are not those of LoadFlags. */
  openModel?: (logs: RankLogs, signal: AbortSignal) => NodeModel;
}

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
 * the others hold layers for it.
 */
export async function runCommand(
  flags: LoadFlags | (RankFlags & Pick<LoadFlags, "quiet" | "verbose" | "force">),
  work: (frame: CommandFrame) => Promise<number | undefined>,
  { restarts = 0, openModel }: NodeChoices = {},
): Promise<number> {
  const control = new AbortController();
  const { signal } = control;
  const stop = () => control.abort();
  const interrupt = new Interrupt(stop);
  try {
    const logs = new RankLogs(flags);
    const output = new Output(process.stdout, stop, logs);
    const run = (startEngine: ModelUse["startEngine"]) => work({ signal, output, logs, interrupt, startEngine });
    const code = await (hasNodes(flags) ? onNodes({ flags, logs, signal, restarts }, openModel, run) : run(undefined));
    return interrupt.exitCode ?? code ?? EXIT_OK;
  } catch (error) {
    if (!interrupt.explains(error) && !(signal.aborted && error === signal.reason)) throw error;
    return interrupt.exitCode ?? EXIT_OK;
  } finally {
    interrupt.dispose();
  }
}

/** Runs `work` of a command with a frame of its own, on one host or on several. `--max_restarts` is that of its process. */
export async function runWithModel(
  { flags, logs, signal }: Pick<NodeRun, "logs" | "signal"> & { flags: LoadFlags },
  work: (start?: StartEngine) => Promise<number>,
): Promise<number> {
  if (!hasNodes(flags)) return work();
  const nodeFlags = { ...flags, max_restarts: undefined };
  return (await onNodes({ flags: nodeFlags, logs, signal, ...UNLIMITED }, undefined, work)) ?? EXIT_OK;
}

/** What belongs to several hosts is loaded only where it is asked for. */
async function onNodes(
  run: Omit<NodeRun, "model">,
  openModel: NodeChoices["openModel"],
  work: (start: StartEngine) => Promise<number | undefined>,
): Promise<number | undefined> {
  const { openNodeModel, runNodes } = await import("./run-nodes.js");
  const open = openModel ?? ((logs, signal) => openNodeModel(run.flags as LoadFlags, logs, signal));
  return runNodes({ ...run, model: open(run.logs, run.signal) }, work);
}
