/** Computes one result of `bench` from its trials, under the names that scripts read from --json and --csv. Does not print. */
import type { SpeedTest, Trial } from "../../../engine/measure/benchmark.js";
import type { BenchSetup } from "./bench-plan.js";

export interface BenchRow {
  model: string;
  parameters: number;
  dtype: string;
  world_size: number;
  threads: number;
  /** pp512, tg64 or tg64@128. */
  test: string;
  tokens: number;
  depth: number;
  trials: number;
  /** Tokens per second. */
  tps_median: number;
  tps_min: number;
  tps_max: number;
  ms_per_token: number;
  /** Time spent waiting for other ranks in sums: median over the trials of the mean over the ranks. */
  wait_ms_per_token: number;
  /** Decode only: bytes read per token, averaged over the test. Null for prefill, which reads the weights once for many tokens. */
  weight_bytes_per_token: number | null;
  kv_bytes_per_token: number | null;
  read_gb_per_s: number | null;
  /** Memory bandwidth of min(ranks x threads, cores) threads that only read. */
  memory_gb_per_s: number;
  memory_share: number | null;
  load_ms: number;
  /** The weight cache during loading: opened, written, failed or off. */
  cache: string;
}

export interface Measured {
  model: string;
  parameters: number;
  setup: BenchSetup;
  test: SpeedTest;
  trials: readonly Trial[];
  /** Bytes per second. */
  bandwidth: number;
  loadMs: number;
  cache: string;
}

export function benchRow({ setup, test, trials, bandwidth, ...rest }: Measured): BenchRow {
  const { traffic, dtype, worldSize, threads } = setup;
  const { kind, tokens, depth } = test;
  const rates = trials.map(({ total }) => (tokens * 1000) / total);
  const tps = median(rates);
  // The i-th token attends over depth + i + 1 positions.
  const context = traffic.position * (depth + (tokens + 1) / 2);
  const isDecode = kind === "decode";
  const readRate = (traffic.weights + context) * tps;
  return {
    model: rest.model,
    parameters: rest.parameters,
    dtype,
    world_size: worldSize,
    threads,
    test: testName(test),
    tokens,
    depth,
    trials: trials.length,
    tps_median: round(tps),
    tps_min: round(Math.min(...rates)),
    tps_max: round(Math.max(...rates)),
    ms_per_token: round(1000 / tps),
    wait_ms_per_token: round(median(trials.map(({ waited }) => waited / tokens))),
    weight_bytes_per_token: isDecode ? traffic.weights : null,
    kv_bytes_per_token: isDecode ? Math.round(context) : null,
    read_gb_per_s: isDecode ? round(readRate / 1e9) : null,
    memory_gb_per_s: round(bandwidth / 1e9),
    memory_share: isDecode ? round(readRate / bandwidth) : null,
    load_ms: round(rest.loadMs),
    cache: rest.cache,
  };
}

/** The name as in llama-bench: pp512, tg64@128. */
export function testName({ kind, tokens, depth }: SpeedTest): string {
  return `${kind === "prefill" ? "pp" : "tg"}${tokens}${depth > 0 ? `@${depth}` : ""}`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Rounds to four digits, which is more than the accuracy of a measurement. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
