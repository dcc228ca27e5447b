/** Writes numbers in the text format of Prometheus, version 0.0.4. Does not know what they mean. */

/** Upper limits of the classes of a histogram, in seconds. */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export class Histogram {
  readonly #counts = new Array<number>(BUCKETS.length + 1).fill(0);
  #sum = 0;

  observe(seconds: number): void {
    const at = BUCKETS.findIndex((limit) => seconds <= limit);
    this.#counts[at < 0 ? BUCKETS.length : at]!++;
    this.#sum += seconds;
  }

  lines(name: string): string[] {
    let total = 0;
    const buckets = [...BUCKETS, "+Inf"].map((limit, i) => {
      total += this.#counts[i]!;
      return `${name}_bucket{le="${limit}"} ${total}`;
    });
    return [...buckets, `${name}_sum ${this.#sum}`, `${name}_count ${total}`];
  }
}

type Labels = Readonly<Record<string, string | number>>;

/** Families of samples, each under its type and help. */
export class PrometheusText {
  readonly #lines: string[] = [];

  /** A counter or a gauge with one sample, or with one for each set of labels. */
  add(
    name: string,
    type: "counter" | "gauge",
    help: string,
    values: number | Iterable<readonly [Labels, number]>,
  ): void {
    this.#head(name, type, help);
    const samples = typeof values === "number" ? [[{}, values] as const] : values;
    for (const [labels, value] of samples) this.#lines.push(`${name}${written(labels)} ${value}`);
  }

  addHistogram(name: string, help: string, histogram: Histogram): void {
    this.#head(name, "histogram", help);
    this.#lines.push(...histogram.lines(name));
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  #head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }
}

function written(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return parts.length === 0 ? "" : `{${parts.join()}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (sign) => (sign === "\n" ? "\\n" : `\\${sign}`));
}
