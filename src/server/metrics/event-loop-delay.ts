/** Measures how late the event loop is: how long what has come waits until it is read. Does not know what keeps it busy. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

/** Milliseconds between two samples; Node counts them as a part of each. */
const RESOLUTION_MS = 20;
/** Percentiles of a whole day would not show a bad minute. */
const WINDOW_MS = 60_000;
const QUANTILES = [0.5, 0.99, 1];

export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #before: number[] = QUANTILES.map(() => 0);

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#before = this.#now();
      this.#histogram.reset();
    }, WINDOW_MS).unref();
  }

  /** Quantiles of the delay in seconds over the last one to two minutes: the larger of this minute's and the one before. */
  quantiles(): [quantile: number, seconds: number][] {
    return this.#now().map((seconds, i) => [QUANTILES[i]!, Math.max(seconds, this.#before[i]!)]);
  }

  stop(): void {
    this.#histogram.disable();
    clearInterval(this.#timer);
  }

  #now(): number[] {
    if (this.#histogram.count === 0) return QUANTILES.map(() => 0);
    return QUANTILES.map((quantile) => {
      return Math.max(0, this.#histogram.percentile(100 * quantile) / 1e9 - RESOLUTION_MS / 1000);
    });
  }
}
