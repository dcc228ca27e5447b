/** The report of one or more outputs: a page that needs nothing but itself, with tables and pictures. Does not read files. */
import { isObject } from "../../formats/files/json-value.js";
import type { EvalOutput } from "../compare/read-output.js";
import type { Sample } from "../compare/read-samples.js";
import { type Interval, normalInterval, wilson } from "../metrics/interval.js";
import { biasSection } from "./bias-section.js";
import { calibrationBins, calibrationChart, calibrationError } from "./calibration.js";
import { intervalChart } from "./interval-chart.js";
import { type Content, element, Markup, rendered, table } from "./markup.js";
import { STYLE } from "./style.js";

/** A figure of an output. */
interface Figure {
  task: string;
  /** "acc,none" */
  key: string;
  value: number;
  stderr: number | null;
  interval: Interval | null;
  count: unknown;
}

/** The whole text of the page. */
export function reportPage(outputs: readonly EvalOutput[]): string {
  const title = `Evaluation of ${outputs.map(({ name }) => name).join(" and ")}`;
  const figures = outputs.map(figuresOf);
  const body = element(
    ...(["main", {}] as const),
    element("h1", {}, title),
    outputs.map((output) => element("p", { class: "soft" }, settings(output))),
    scores(outputs, figures),
    biasSection(outputs),
    calibration(outputs),
    element(
      "p",
      { class: "soft" },
      "Intervals are of 95 %: Wilson's for scores that are 0 or 1, else 1.96 standard errors. They say how far a figure may be from that of many more documents of the same kind, not how well the benchmark measures.",
    ),
  );
  const head = element(
    ...(["head", {}] as const),
    element("meta", { charset: "utf-8" }),
    element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    element("meta", {
      "http-equiv": "Content-Security-Policy",
      content: "default-src 'none'; style-src 'unsafe-inline'",
    }),
    element("title", {}, title),
    new Markup(`<style>${STYLE}</style>`),
  );
  const page = element("html", { lang: "en" }, head, element("body", {}, body));
  return `<!doctype html>\n${rendered(page).replaceAll("</meta>", "")}\n`;
}

/** "fp32, 1 rank, context 512, BOS auto, 100 documents a task at most; 27 November 2026" */
function settings({ name, own, limit, date, path }: EvalOutput): string {
  const parts = [name];
  if (own.world_size !== undefined) parts.push(`${own.world_size} ${own.world_size === 1 ? "rank" : "ranks"}`);
  if (own.max_length !== undefined) parts.push(`context of ${own.max_length} tokens`);
  if (own.add_bos !== undefined) parts.push(`BOS ${own.add_bos}`);
  if (typeof limit === "number")
    parts.push(limit < 1 ? `${limit * 100} % of the documents` : `first ${limit} documents`);
  if (own.version !== undefined) parts.push(`llama-ts ${own.version}`);
  if (date !== null) parts.push(new Date(date * 1000).toISOString().slice(0, 10));
  return `${parts.join(" · ")} · ${path.split(/[\\/]/).at(-1)}`;
}

/** Scores of documents that are shares of 1, by name. */
const SHARES = /^(acc|exact_match|pct_|pass)/;

function figuresOf({ results, own, samples }: EvalOutput): Figure[] {
  const intervals = isObject(own.intervals) ? own.intervals : {};
  return Object.entries(results).flatMap(([task, figures]) =>
    Object.entries(figures).flatMap(([key, value]): Figure[] => {
      if (typeof value !== "number" || !key.includes(",") || key.includes("_stderr,")) return [];
      const error = figures[key.replace(",", "_stderr,")];
      const stderr = typeof error === "number" ? error : null;
      const interval =
        intervalAt(intervals[task], key) ?? measured(samples.get(task), key) ?? normalInterval(value, stderr);
      return [{ task, key, value, stderr, interval, count: figures.sample_len ?? "" }];
    }),
  );
}

/** What a file says is an interval, if it is one. */
function intervalAt(intervals: unknown, key: string): Interval | null {
  const value = isObject(intervals) ? intervals[key] : null;
  const isInterval = Array.isArray(value) && value.length === 2 && value.every((end) => typeof end === "number");
  return isInterval ? (value as unknown as Interval) : null;
}

/** The interval of a share, from samples that are all 0 or 1; null without them. */
function measured(samples: readonly Sample[] | undefined, key: string): Interval | null {
  const [metric, filter] = key.split(",");
  const values = (samples ?? []).filter((one) => one.filter === filter).map(({ metrics }) => metrics[metric!]);
  if (values.length === 0 || values.some((value) => value !== 0 && value !== 1)) return null;
  return wilson(values.filter((value) => value === 1).length / values.length, values.length);
}

const metricName = (key: string) => key.replace(/,none$/, "").replace(",", " ");

function scores(outputs: readonly EvalOutput[], figures: readonly (readonly Figure[])[]): Content {
  const shots = (i: number, task: string) => String(outputs[i]!.shots[task] ?? "");
  const rows = figures.flatMap((some, i) =>
    some.map(({ task, key, value, stderr, interval, count }) => [
      ...(outputs.length > 1 ? [outputs[i]!.name] : []),
      ...[task, metricName(key), shots(i, task), String(count), value.toFixed(4), stderr?.toFixed(4) ?? ""],
      interval?.map((end) => end.toFixed(4)).join(" to ") ?? "",
    ]),
  );
  const head = [
    ...(outputs.length > 1 ? ["model"] : []),
    "task",
    "metric",
    "shots",
    "documents",
    "value",
    "stderr",
    "95 % interval",
  ];
  const first = head.length - 5;
  const names = [...new Map(figures.flat().map(({ task, key }) => [`${task} ${key}`, { task, key }])).values()];
  const shown = names.flatMap(({ task, key }) => {
    const points = figures.map((some) => some.find((one) => one.task === task && one.key === key) ?? null);
    if (!SHARES.test(key)) return [];
    return [
      {
        label: task,
        note: metricName(key),
        points: points.map((point) => point && { value: point.value, interval: point.interval }),
      },
    ];
  });
  const chart = intervalChart(shown, {
    ...{ label: "Scores with 95 per cent intervals", from: 0, to: 1, series: outputs.map(({ name }) => name) },
    ...{ ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], show: (value) => String(Math.round(value * 1000) / 1000) },
  });
  return [
    element("h2", {}, "Scores"),
    shown.length > 0 ? chart : null,
    table(head, rows, [first, first + 1, first + 2, first + 3, first + 4]),
  ];
}

/** Of all tasks of choices together, whose shares of right answers say something about the model as a whole. */
function calibration(outputs: readonly EvalOutput[]): Content {
  const series = outputs.flatMap(({ name, samples }) => {
    const choices = [...samples]
      .filter(([task]) => !/^(crows_pairs|winogender)/.test(task))
      .flatMap(([, some]) => some);
    return { name, bins: calibrationBins(choices) };
  });
  if (series.every(({ bins }) => bins.length === 0)) return null;
  const errors = series
    .filter(({ bins }) => bins.length > 0)
    .map(({ name, bins }) => `${name} ${(calibrationError(bins) * 100).toFixed(1)} points`);
  return [
    element("h2", {}, "Calibration"),
    element(
      "p",
      {},
      `How often the model is right where it is this sure. On the diagonal both are equal. Mean distance from it: ${errors.join(", ")}.`,
    ),
    calibrationChart(series, "Share of right answers by the probability of the chosen answer"),
  ];
}
