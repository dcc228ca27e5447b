/** The command `bench`: prefill and decode speed of every setup asked for. Knows the order of things; each thing is a file of its own. */
import { cpus } from "node:os";
import { memoryBandwidth } from "../../engine/bandwidth.js";
import { runTrials, type SpeedTest } from "../../engine/benchmark.js";
import { availableCores } from "../../engine/cores.js";
import { Engine } from "../../engine/engine.js";
import { defaultCacheRoot } from "../../engine/weight-cache.js";
import { shown } from "../../formats/shown.js";
import { EXIT_OK } from "../exit-code.js";
import { Interrupt } from "../interrupt.js";
import { printNote } from "../notes.js";
import { Output } from "../output.js";
import { LoadProgress, StatusLine } from "../progress.js";
import { count } from "../summary.js";
import { tellState } from "../supervisor/supervised.js";
import { versionText } from "../version.js";
import type { BenchFlags } from "./bench-flags.js";
import { type BenchModel, openBenchModel } from "./bench-model.js";
import { type BenchSetup, contextLength, planSetups, planTests } from "./bench-plan.js";
import { type BenchRow, benchRow, testName } from "./bench-row.js";
import { benchTable, csvHeader, csvLine, LEGEND } from "./bench-table.js";

/** Runs the command and returns the exit code. What was measured before an interruption is printed. */
export async function bench(flags: BenchFlags): Promise<number> {
  const stop = new AbortController();
  const interrupt = new Interrupt(() => stop.abort());
  const output = new Output(process.stdout, () => stop.abort());
  const isCsv = flags.csv || !(flags.json || flags.table || process.stdout.isTTY);
  const rows: BenchRow[] = [];
  try {
    const tests = planTests(flags);
    const model = await openBenchModel(flags);
    const setups = planSetups(model.checkpoint, flags, contextLength(tests));
    try {
      for await (const row of measure(model, setups, tests, flags, stop.signal)) {
        if (isCsv) await output.write((rows.length === 0 ? csvHeader(row) : "") + csvLine(row));
        rows.push(row);
      }
    } catch (error) {
      if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
    } finally {
      if (!isCsv && rows.length > 0) await output.write(flags.json ? jsonText(rows) : fullTable(model, rows));
    }
  } finally {
    interrupt.dispose();
  }
  return interrupt.exitCode ?? EXIT_OK;
}

async function* measure(
  { name, checkpoint }: BenchModel,
  setups: readonly BenchSetup[],
  tests: readonly SpeedTest[],
  flags: BenchFlags,
  signal: AbortSignal,
): AsyncGenerator<BenchRow, void, void> {
  const { trials, warmup, quiet } = flags;
  const { vocabSize } = checkpoint.config;
  const status = new StatusLine(!quiet);
  /** By the number of readers. */
  const bandwidths = new Map<number, number>();
  for (const setup of setups) {
    const readers = Math.min(setup.worldSize * setup.threads, availableCores());
    try {
      status.show("Measuring the memory");
      const bandwidth = bandwidths.get(readers) ?? (await memoryBandwidth(readers, signal));
      bandwidths.set(readers, bandwidth);
      status.clear();
      tellState({ phase: "loading the model" });
      const { engine, loadMs } = await load(checkpoint, setup, contextLength(tests), flags, signal);
      try {
        if (engine.cache.problem !== null && !quiet) {
          printNote(`Warning: the quantised weights could not be kept: ${shown(engine.cache.problem)}`);
        }
        tellState({ phase: "measuring" });
        for (const test of tests) {
          const label = `${setup.dtype}, ${setup.worldSize} x ${setup.threads}, ${testName(test)}`;
          const onTrial = (index: number) =>
            status.show(`${label}: ${index < 0 ? "warm-up" : `trial ${index + 1} of ${trials}`}`);
          const times = await runTrials(engine, test, { vocabSize, warmup, trials, signal, onTrial });
          status.clear();
          const cache = engine.cache.state;
          const model = { model: name, parameters: checkpoint.parameterCount };
          yield benchRow({ ...model, setup, test, trials: times, bandwidth, loadMs, cache });
        }
      } finally {
        await engine.close();
      }
    } finally {
      status.clear();
    }
  }
}

async function load(
  checkpoint: BenchModel["checkpoint"],
  { dtype, worldSize, threads }: BenchSetup,
  maxSeqLen: number,
  { no_cache, quiet, rank_timeout, cpu_bind }: BenchFlags,
  signal: AbortSignal,
): Promise<{ engine: Engine; loadMs: number }> {
  const progress = new LoadProgress("Loading", worldSize, !quiet);
  const total = checkpoint.byteLength;
  const start = performance.now();
  try {
    const engine = await Engine.start(checkpoint, {
      ...{ worldSize, dtype, maxSeqLen, threadsPerRank: threads, signal },
      cacheRoot: no_cache ? null : defaultCacheRoot(),
      cpuBind: cpu_bind,
      rankTimeoutMs: rank_timeout * 1000,
      onEstimate: (estimate) => tellState({ estimate }),
      onProgress: (bytes) => progress.update(Math.min(bytes, total), total),
    });
    return { engine, loadMs: performance.now() - start };
  } finally {
    progress.stop();
  }
}

function machine(): { cpu: string; cores: number } {
  return { cpu: cpus()[0]?.model.trim() ?? "unknown", cores: availableCores() };
}

function jsonText(rows: readonly BenchRow[]): string {
  return `${JSON.stringify({ version: versionText(), ...machine(), results: rows })}\n`;
}

function fullTable({ name, checkpoint }: BenchModel, rows: readonly BenchRow[]): string {
  const { cpu, cores } = machine();
  const head = `${name}: ${count(checkpoint.parameterCount)} parameters. ${cpu}, ${cores} core${cores === 1 ? "" : "s"}. ${rows[0]!.trials} trials.`;
  return `${head}\n\n${benchTable(rows)}\n${LEGEND}\n`;
}
