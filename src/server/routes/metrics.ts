/** Counts and times of all requests, in the text format of Prometheus. Labels never hold what a client sent. */

import type { Admission } from "../serving/admission.js";
import type { ServedModel } from "../serving/served-model.js";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

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
};

interface Histogram {
  counts: number[];
  sum: number;
}

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #counters = new Map<string, number>();
  readonly #histograms = new Map<string, Histogram>();

  count(name: keyof typeof COUNTERS, amount: number): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + amount);
  }

  observe(name: keyof typeof HISTOGRAMS, seconds: number): void {
    const found = this.#histograms.get(name) ?? { counts: BUCKETS.map(() => 0).concat(0), sum: 0 };
    const at = BUCKETS.findIndex((limit) => seconds <= limit);
    found.counts[at < 0 ? BUCKETS.length : at]!++;
    found.sum += seconds;
    this.#histograms.set(name, found);
  }

  /** `route` is a route's own path. */
  request(route: string, status: number, seconds: number): void {
    const key = `route="${route}",status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    this.observe("request_seconds", seconds);
  }

  /** The text of /metrics. */
  text(model: ServedModel, admission: Admission, build: { version: string }): string {
    const lines: string[] = [];
    const add = (name: string, type: string, help: string, values: Iterable<readonly [labels: string, number]>) => {
      const full = name.startsWith("process_") ? name : `llama_ts_${name}`;
      lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`);
      for (const [labels, value] of values) lines.push(`${full}${labels && `{${labels}}`} ${value}`);
    };
    add("requests_total", "counter", "Requests by route and status; 499: the client left.", this.#requests);
    add("requests_running", "gauge", "Choices that run.", [["", admission.running]]);
    add("requests_waiting", "gauge", "Choices that wait.", [["", admission.waiting]]);
    for (const [name, help] of Object.entries(COUNTERS)) {
      add(name, "counter", help, [["", this.#counters.get(name) ?? 0]]);
    }
    for (const [name, help] of Object.entries(HISTOGRAMS)) lines.push(...this.#histogram(name, help));
    const llama = model.loaded;
    if (llama) {
      add("kept_sequences", "gauge", "KV caches of ended requests.", [["", llama.requestCounts.kept]]);
      const labels = `version="${build.version}",dtype="${llama.dtype}",ranks="${llama.worldSize}"`;
      add("build_info", "gauge", "What runs.", [[labels, 1]]);
    }
    return `${lines.join("\n")}\n`;
  }

  #histogram(name: string, help: string): string[] {
    const { counts, sum } = this.#histograms.get(name) ?? { counts: [], sum: 0 };
    const full = `llama_ts_${name}`;
    const lines = [`# HELP ${full} ${help}`, `# TYPE ${full} histogram`];
    let total = 0;
    for (const [i, limit] of [...BUCKETS, "+Inf"].entries()) {
      total += counts[i] ?? 0;
      lines.push(`${full}_bucket{le="${limit}"} ${total}`);
    }
    lines.push(`${full}_sum ${sum}`, `${full}_count ${total}`);
    return lines;
  }
}
