/** Counts and times of all requests, for Prometheus. Labels never hold what a client sent. Does not know routes. */
import type { Admission } from "../serving/admission.js";
import type { ServedModel } from "../serving/served-model.js";
import { EventLoopDelay } from "./event-loop-delay.js";
import { Histogram, PrometheusText } from "./prometheus-text.js";

const COUNTERS = {
  prompt_tokens_total: "Prompt tokens of all requests.",
  cached_tokens_total: "Prompt tokens that were found in a KV cache.",
  generated_tokens_total: "New tokens, stop tokens included.",
  draft_tokens_total: "Tokens drafted by prompt lookup.",
  accepted_tokens_total: "Drafted tokens that became text.",
};
const HISTOGRAMS = {
  queue_seconds: "Time a choice waited.",
  first_token_seconds: "Time from a choice's first step to its first token.",
  token_seconds: "Mean time of a choice's later tokens.",
  request_seconds: "Time from a request to the end of its answer.",
  step_seconds: "Time of a step of the model.",
};

/** What the process uses; the server itself does not ask the system. */
export interface ProcessUsage {
  /** Bytes in memory. */
  memory: number;
  /** Seconds of all threads on a core. */
  cpu: number;
  /** When it was started, in seconds since 1970. */
  startedAt: number;
}

export class Metrics {
  readonly #requests = new Map<string, { labels: { route: string; status: number }; count: number }>();
  readonly #counters = new Map<string, number>();
  readonly #histograms = new Map(Object.keys(HISTOGRAMS).map((name) => [name, new Histogram()]));
  readonly #delay = new EventLoopDelay();
  readonly #usage: () => ProcessUsage;

  constructor(usage: () => ProcessUsage) {
    this.#usage = usage;
  }

  count(name: keyof typeof COUNTERS, amount: number): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + amount);
  }

  observe(name: keyof typeof HISTOGRAMS, seconds: number): void {
    this.#histograms.get(name)!.observe(seconds);
  }

  /** `route` is a route's own path. */
  request(route: string, status: number, seconds: number): void {
    const key = `${status} ${route}`;
    const found = this.#requests.get(key) ?? { labels: { route, status }, count: 0 };
    found.count++;
    this.#requests.set(key, found);
    this.observe("request_seconds", seconds);
  }

  stop(): void {
    this.#delay.stop();
  }

  /** The text of /metrics. */
  text(model: ServedModel, admission: Admission, build: { version: string }): string {
    const text = new PrometheusText();
    const gauge = (name: string, help: string, values: Parameters<PrometheusText["add"]>[3]) => {
      text.add(`llama_ts_${name}`, "gauge", help, values);
    };
    const requests = [...this.#requests.values()].map(({ labels, count }) => [labels, count] as const);
    text.add("llama_ts_requests_total", "counter", "Requests by route and status; 499: the client left.", requests);
    gauge("requests_running", "Choices that run.", admission.running);
    gauge("requests_waiting", "Choices that wait.", admission.waiting);
    for (const [name, help] of Object.entries(COUNTERS)) {
      text.add(`llama_ts_${name}`, "counter", help, this.#counters.get(name) ?? 0);
    }
    for (const [name, help] of Object.entries(HISTOGRAMS)) {
      text.addHistogram(`llama_ts_${name}`, help, this.#histograms.get(name)!);
    }
    const delays = this.#delay.quantiles().map(([quantile, seconds]) => [{ quantile }, seconds] as const);
    gauge("event_loop_delay_seconds", "How late the event loop was in the last minutes.", delays);
    const llama = model.loaded;
    if (llama) {
      const { kept, kvBytes } = llama.requestCounts;
      gauge("kv_bytes", "KV caches: of running choices as far as they may grow, and kept ones.", [
        [{ state: "running" }, kvBytes.running],
        [{ state: "kept" }, kvBytes.kept],
      ]);
      gauge("kv_bytes_limit", "Memory of all KV caches at most.", kvBytes.limit);
      gauge("kept_sequences", "KV caches of ended choices that later ones may continue.", kept);
      const labels = { version: build.version, dtype: llama.dtype, ranks: llama.worldSize };
      gauge("build_info", "What runs.", [[labels, 1]]);
    }
    const { memory, cpu, startedAt } = this.#usage();
    text.add("process_resident_memory_bytes", "gauge", "Memory of the process, weights included.", memory);
    text.add("process_cpu_seconds_total", "counter", "Time of all threads on a core.", cpu);
    text.add("process_start_time_seconds", "gauge", "When the process was started, in seconds since 1970.", startedAt);
    return `${text}`;
  }
}
