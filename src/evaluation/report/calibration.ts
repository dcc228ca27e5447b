/** How sure a model is of its choices, and how often it is right: bins of probability with the share of right answers. */
import type { Sample } from "../compare/read-samples.js";
import { type Interval, wilson } from "../metrics/interval.js";
import { legend } from "./interval-chart.js";
import { type Content, element, type Markup, picture } from "./markup.js";

export interface Bin {
  /** Mean probability that the model gave to its choices. */
  confidence: number;
  /** Share of right ones. */
  share: number;
  interval: Interval;
  count: number;
}

const BINS = 10;

/** Bins of equal width, empty ones left out. The probability of a choice is its part of the likelihood of all choices. */
export function calibrationBins(samples: readonly Sample[]): Bin[] {
  const bins = Array.from({ length: BINS }, () => ({ sum: 0, right: 0, count: 0 }));
  for (const { likelihoods, metrics } of samples) {
    if (likelihoods.length < 2 || (metrics.acc !== 0 && metrics.acc !== 1)) continue;
    const best = Math.max(...likelihoods);
    const probability = 1 / likelihoods.reduce((sum, value) => sum + Math.exp(value - best), 0);
    const bin = bins[Math.min(BINS - 1, Math.floor(probability * BINS))]!;
    bin.sum += probability;
    bin.right += metrics.acc;
    bin.count++;
  }
  return bins.flatMap(({ sum, right, count }) =>
    count === 0
      ? []
      : [{ confidence: sum / count, share: right / count, interval: wilson(right / count, count), count }],
  );
}

/** Mean distance between confidence and share of right answers, weighted by documents (expected calibration error). */
export function calibrationError(bins: readonly Bin[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.reduce((sum, { confidence, share, count }) => sum + (Math.abs(confidence - share) * count) / total, 0);
}

const [SIZE, LEFT, RIGHT, BOTTOM, TOP] = [380, 52, 28, 30, 12];

/** One curve for each series, beside the diagonal of a model that is as often right as it is sure. */
export function calibrationChart(series: readonly { name: string; bins: readonly Bin[] }[], label: string): Markup {
  const side = SIZE - LEFT - RIGHT;
  const x = (value: number) => LEFT + value * side;
  const y = (value: number) => TOP + (1 - value) * side;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((tick): Content[] => [
    element("line", { x1: x(tick), x2: x(tick), y1: y(0), y2: y(1), class: "grid" }),
    element("line", { x1: x(0), x2: x(1), y1: y(tick), y2: y(tick), class: "grid" }),
    element("text", { x: x(tick), y: y(0) + 18, "text-anchor": "middle", class: "tick" }, `${tick * 100} %`),
    element("text", { x: x(0) - 8, y: y(tick) + 4, "text-anchor": "end", class: "tick" }, `${tick * 100} %`),
  ]);
  const curves = series.map(({ name, bins }, i) =>
    element(
      ...(["g", { class: `series${i % 4}` }] as const),
      element("polyline", {
        points: bins.map((bin) => `${x(bin.confidence).toFixed(1)},${y(bin.share).toFixed(1)}`).join(" "),
        class: "curve",
      }),
      bins.map(({ confidence, share, interval, count }) => [
        element("line", { x1: x(confidence), x2: x(confidence), y1: y(interval[0]), y2: y(interval[1]) }),
        element(
          "circle",
          { cx: x(confidence), cy: y(share), r: 4 },
          element(
            "title",
            {},
            `${name}: ${(confidence * 100).toFixed(0)} % sure, ${(share * 100).toFixed(0)} % right, ${count} documents`,
          ),
        ),
      ]),
    ),
  );
  return element(
    ...(["figure", {}] as const),
    legend(
      series.map(({ name }) => name),
      [],
    ),
    picture(
      SIZE,
      TOP + side + BOTTOM,
      label,
      grid,
      element("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "base" }),
      curves,
    ),
    element(
      "figcaption",
      {},
      "Across: probability of the chosen answer among the choices. Up: share of right answers, with 95 % intervals.",
    ),
  );
}
