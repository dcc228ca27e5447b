/** The command `bench`: measures prefill and decode speed of each requested setup and prints the results. */
import { cpus } from "node:os";
import { Engine } from "../../../engine/engine.js";
import type { ModelEngine } from "../../../engine/host/model-engine.js";
import { availableCores } from "../../../engine/machine/cores.js";
import { memoryBandwidth } from "../../../engine/measure/bandwidth.js";
import { runTrials, type SpeedTest } from "../../../engine/measure/benchmark.js";
import { defaultCacheRoot } from "../../../engine/weight-cache/cache-folder.js";
import { plural } from "../../../formats/files/amounts.js";
import { quoted } from "../../../formats/files/quoted.js";
import { rankSettings, withRanks } from "../../model/load.js";
import type { RankLogs } from "../../model/rank-logs.js";
import { type CommandFrame, runCommand } from "../../model/run-command.js";
import { threadsOfEnvironment } from "../../options/torchrun-env.js";
import { reportState } from "../../supervisor/supervised.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { printNote } from "../../terminal/notes.js";
import { LoadProgress, StatusLine } from "../../terminal/status-line.js";
import { count } from "../../terminal/summary.js";
import { versionText } from "../../terminal/version.js";
import type { BenchFlags } from "./bench-flags.js";
import { type BenchModel, benchNodeModel, openBenchModel } from "./bench-model.js";
import { type BenchSetup, contextLength, planSetups, planTests } from "./bench-plan.js";
import { type BenchRow, benchRow, testName } from "./bench-row.js";
import { benchTable, csvHeader, csvLine, LEGEND } from "./bench-table.js";

/** Runs the command and returns the exit code. After an interruption it prints what it has measured. */
export function bench(flags: BenchFlags): Promise<number> {
  const work = async ({ signal, output, logs, startEngine: pipeline }: CommandFrame) => {
    const isCsv = flags.csv || !(flags.json || flags.table || process.stdout.isTTY);
    const rows: BenchRow[] = [];
    const tests = planTests(flags);
    const model = openBenchModel(flags);
    const threads = flags.threads ?? environmentThreads();
    const isCut = pipeline !== undefined;
    if (isCut) model.name = `${model.name} on ${flags.nnodes!.least} hosts`;
    const force = flags.force || isCut || undefined;
    const setups = planSetups(model.checkpoint, { ...flags, force, threads }, contextLength(tests));
    const onRow = async (row: BenchRow) => {
      if (isCsv) await output.write((rows.length === 0 ? csvHeader(row) : "") + csvLine(row));
      rows.push(row);
    };
    const status = new StatusLine(!flags.quiet);
    if (!flags.quiet) logs.unknownRankLines(Math.max(...setups.map(({ worldSize }) => worldSize))).forEach(printNote);
    try {
      await measure(setups, { model, tests, flags, logs, status, signal, onRow, start: pipeline ?? Engine.start });
    } finally {
      if (!isCsv && rows.length > 0) await output.write(flags.json ? jsonText(rows) : fullTable(model, rows));
    }
    return undefined;
  };
  return runCommand(flags, work, { openModel: () => benchNodeModel(flags) });
}

interface Measurement {
  model: BenchModel;
  tests: readonly SpeedTest[];
  flags: BenchFlags;
  logs: RankLogs;
  status: StatusLine;
  signal: AbortSignal;
  onRow: (row: BenchRow) => Promise<void>;
  start: NonNullable<CommandFrame["startEngine"]>;
}

async function measure(setups: readonly BenchSetup[], measurement: Measurement): Promise<void> {
  const { status, signal } = measurement;
  /** Measured bandwidth by number of reading threads. */
  const bandwidths = new Map<number, number>();
  try {
    for (const setup of setups) {
      const readers = Math.min(setup.worldSize * setup.threads, availableCores());
      status.show("Measuring the memory bandwidth");
      const bandwidth = bandwidths.get(readers) ?? (await memoryBandwidth(readers, signal));
      bandwidths.set(readers, bandwidth);
      status.clear();
      await measureSetup(setup, bandwidth, measurement);
    }
  } finally {
    status.clear();
  }
}

async function measureSetup(
  setup: BenchSetup,
  bandwidth: number,
  { model, tests, flags, logs, status, signal, onRow, start }: Measurement,
): Promise<void> {
  const { checkpoint, name } = model;
  const { trials, warmup, quiet } = flags;
  const { vocabSize } = checkpoint.config;
  const label = `${setup.dtype}, ${setup.worldSize} x ${setup.threads}`;
  reportState({ phase: "loading the model" });
  const begin = performance.now();
  const starting = () => startEngine(checkpoint, setup, contextLength(tests), flags, signal, start);
  const work = async (engine: ModelEngine) => {
    const loadMs = performance.now() - begin;
    const { state: cache, problem } = engine.weightCache;
    if (problem !== null && !quiet) printNote(`Warning: cannot cache the quantised weights: ${quoted(problem)}`);
    reportState({ phase: "measuring" });
    for (const test of tests) {
      const onTrial = (index: number) =>
        status.show(`${label}, ${testName(test)}: ${index < 0 ? "warm-up" : `trial ${index + 1} of ${trials}`}`);
      const options = { vocabSize, warmup, trials, signal, onTrial };
      const times = await runTrials(engine, test, options).finally(() => status.clear());
      const figures = { setup, test, trials: times, bandwidth, loadMs, cache };
      await onRow(benchRow({ model: name, parameters: checkpoint.parameterCount, ...figures }));
    }
  };
  await withRanks(starting, work, logs, `${label}: `);
}

async function startEngine(
  checkpoint: BenchModel["checkpoint"],
  { dtype, kvDtype, worldSize, threads }: BenchSetup,
  maxSeqLen: number,
  flags: BenchFlags,
  signal: AbortSignal,
  start: Measurement["start"],
): Promise<ModelEngine> {
  const progress = new LoadProgress("Loading", worldSize, !flags.quiet);
  const total = checkpoint.byteLength;
  try {
    return await start(checkpoint, {
      ...{ worldSize, dtype, kvDtype, maxSeqLen, threadsPerRank: threads, signal },
      ...rankSettings(flags, progress.printAbove.bind(progress)),
      cacheRoot: flags.no_cache ? null : defaultCacheRoot(),
      onProgress: (bytes) => progress.update(Math.min(bytes, total), total),
    });
  } finally {
    progress.stop();
  }
}

/** The value of OMP_NUM_THREADS as a value of --threads. */
function environmentThreads(): number[] | undefined {
  const threads = threadsOfEnvironment(process.env);
  return threads === undefined ? undefined : [threads];
}

function machine(): { cpu: string; cores: number } {
  return { cpu: cpus()[0]?.model.trim() ?? "unknown", cores: availableCores() };
}

function jsonText(rows: readonly BenchRow[]): string {
  return `${JSON.stringify({ version: versionText(), ...machine(), results: rows })}\n`;
}

function fullTable({ name, checkpoint }: BenchModel, rows: readonly BenchRow[]): string {
  const { cpu, cores } = machine();
  const head = `${name}: ${count(checkpoint.parameterCount)} parameters. ${cpu}, ${plural(cores, "core")}. ${plural(rows[0]!.trials, "trial")}.`;
  return fitLines(`${head}\n\n${benchTable(rows)}\n${LEGEND}\n`);
}
