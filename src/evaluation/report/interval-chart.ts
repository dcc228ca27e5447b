/** A picture of figures with their intervals: a row each, a point for the value, a line for the interval, and marks of other figures. */
import type { Interval } from "../metrics/interval.js";
import { type Content, element, type Markup, picture } from "./markup.js";

export interface ChartRow {
  label: string;
  /** To the right of the label, such as the number of documents. */
  note?: string;
  /** One for each series; null where a series has none. */
  points: readonly ({ value: number; interval: Interval | null } | null)[];
  /** Figures of others. */
  marks?: readonly { name: string; value: number }[];
}

export interface ChartOptions {
  label: string;
  /** Ends of the axis. */
  from: number;
  to: number;
  /** Names of the series, by which colours are chosen. */
  series: readonly string[];
  /** Where a line says that nothing is preferred; bars begin there. */
  base?: number;
  ticks: readonly number[];
  show: (value: number) => string;
}

const WIDTH = 760;
const [RIGHT, TOP, BOTTOM] = [30, 10, 34];
/** Space for labels: at least this, and for a long one this much a character. */
const [LEFT, CHARACTER] = [230, 7];
/** Height of a series within a row, and between rows. */
const [LINE, GAP] = [18, 10];
/** Height of a row at least: a label and a note. */
const LEAST = 36;
/** Shapes of marks, which differ without colour too. */
const SHAPES = ["M0,-5 5,0 0,5 -5,0Z", "M-4.5,-4.5H4.5V4.5H-4.5Z", "M0,-5.5 5.5,4.5H-5.5Z"];

export function intervalChart(rows: readonly ChartRow[], options: ChartOptions): Markup {
  const { from, to, series, base, ticks, show, label } = options;
  const rowHeight = Math.max(LEAST, series.length * LINE + GAP);
  const height = TOP + rows.length * rowHeight + BOTTOM;
  const bottom = height - BOTTOM;
  const left = Math.min(WIDTH / 2, Math.max(LEFT, ...rows.map((row) => 16 + [...row.label].length * CHARACTER)));
  const x = (value: number) =>
    left + ((Math.min(to, Math.max(from, value)) - from) / (to - from)) * (WIDTH - left - RIGHT);
  const grid = ticks.flatMap((tick): Content[] => [
    element("line", { x1: x(tick), x2: x(tick), y1: TOP, y2: bottom, class: tick === base ? "base" : "grid" }),
    element("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle", class: "tick" }, show(tick)),
  ]);
  const names = [...new Set(rows.flatMap(({ marks = [] }) => marks.map(({ name }) => name)))];
  const drawn = rows.map((row, i) => {
    const middle = TOP + (i + 0.5) * rowHeight;
    const top = middle - (series.length * LINE) / 2;
    const points = row.points.map((point, j) => {
      if (point === null) return null;
      const y = top + (j + 0.5) * LINE;
      const { value, interval } = point;
      const range = interval ? `, 95 % ${show(interval[0])} to ${show(interval[1])}` : "";
      return element(
        ...(["g", { class: `series${j % 4}` }] as const),
        element("title", {}, `${row.label}, ${series[j] ?? ""}: ${show(value)}${range}`),
        base === undefined ? null : bar(x(base), x(value), y),
        interval && element("line", { x1: x(interval[0]), x2: x(interval[1]), y1: y, y2: y, class: "whisker" }),
        interval?.map((end) => element("line", { x1: x(end), x2: x(end), y1: y - 4, y2: y + 4, class: "whisker" })) ??
          null,
        element("circle", { cx: x(value), cy: y, r: 4.5 }),
      );
    });
    const marks = (row.marks ?? []).map(({ name, value }) =>
      element(
        ...([
          "g",
          {
            class: `mark mark${names.indexOf(name) % SHAPES.length}`,
            transform: `translate(${x(value).toFixed(1)},${middle})`,
          },
        ] as const),
        element("title", {}, `${row.label}, ${name}: ${show(value)}`),
        element("path", { d: SHAPES[names.indexOf(name) % SHAPES.length]! }),
      ),
    );
    const texts = [
      element(
        "text",
        { x: left - 12, y: middle + (row.note ? -2 : 4), "text-anchor": "end", class: "label" },
        row.label,
      ),
      row.note
        ? element("text", { x: left - 12, y: middle + 11, "text-anchor": "end", class: "tick" }, row.note)
        : null,
    ];
    return [texts, points, marks];
  });
  return element("figure", {}, legend(series, names), picture(WIDTH, height, label, grid, drawn));
}

function bar(from: number, to: number, y: number): Markup {
  return element("rect", { x: Math.min(from, to), y: y - 5, width: Math.abs(to - from), height: 10, class: "bar" });
}

/** Names of series and marks; nothing for a single series alone. */
export function legend(series: readonly string[], marks: readonly string[]): Markup | null {
  if (series.length < 2 && marks.length === 0) return null;
  const symbol = (kind: string, ...content: Content[]) =>
    element("svg", { viewBox: "-8 -8 16 16", width: 16, height: 16, class: kind, "aria-hidden": "true" }, ...content);
  const items = [
    ...series.map((name, i) => [symbol(`series${i % 4}`, element("circle", { r: 4.5 })), name]),
    ...marks.map((name, i) => [
      symbol(`mark mark${i % SHAPES.length}`, element("path", { d: SHAPES[i % SHAPES.length]! })),
      name,
    ]),
  ];
  return element(
    "p",
    { class: "legend" },
    items.map((item) => element("span", {}, ...item)),
  );
}
