/** The frame of a command with a model: interrupts, output, rank logs and the exit code. Does not know what the command does. */
import type { TorchrunFlags } from "../options/torchrun-flags.js";
import { EXIT_OK } from "../terminal/exit-code.js";
import { Interrupt } from "../terminal/interrupt.js";
import { Output } from "../terminal/output.js";
import { RankLogs } from "./rank-logs.js";

/** What a command works with. */
export interface CommandFrame {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** stdout. */
  readonly output: Output;
  readonly logs: RankLogs;
  readonly interrupt: Interrupt;
}

/** Runs `work` and returns the exit code: that of a signal, else the one that `work` returns. */
export async function runCommand(
  flags: TorchrunFlags & { verbose?: true | undefined },
  work: (frame: CommandFrame) => Promise<number | undefined>,
): Promise<number> {
  const control = new AbortController();
  const { signal } = control;
  const stop = () => control.abort();
  const interrupt = new Interrupt(stop);
  try {
    const logs = new RankLogs(flags);
    const output = new Output(process.stdout, stop, logs);
    const code = await work({ signal, output, logs, interrupt });
    return interrupt.exitCode ?? code ?? EXIT_OK;
  } catch (error) {
    if (!interrupt.explains(error) && !(signal.aborted && error === signal.reason)) throw error;
    return interrupt.exitCode ?? EXIT_OK;
  } finally {
    interrupt.dispose();
  }
}
