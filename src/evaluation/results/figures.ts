/** The figures of an evaluation: of each task, filter and metric, and of groups of tasks, with intervals. Does not know files. */
import { aggregate, aggregateGroup, type Figure } from "../metrics/aggregate.js";
import { type Interval, normalInterval, wilson } from "../metrics/interval.js";
import type { MetricInfo, MetricValue } from "../metrics/metric.js";
import type { TaskResult } from "../run/evaluation.js";
import type { TaskGroup } from "../tasks/task.js";

/** The models of the paper, in the order of its figures. */
export const PAPER_SIZES: readonly string[] = ["7B", "13B", "33B", "65B"];

/** A row of the table. */
export interface FigureRow extends Figure {
  /** Name of the task or group. */
  name: string;
  isGroup: boolean;
  version: number;
  filter: string;
  /** null for a group whose tasks have different numbers. */
  shots: number | null;
  metric: string;
  info: MetricInfo;
  /** 95 per cent; null where it cannot be computed. */
  interval: Interval | null;
}

/** The figures of all tasks in their order, then of the groups. */
export function figures(results: readonly TaskResult[], groups: readonly TaskGroup[]): FigureRow[] {
  const rows = results.flatMap(taskFigures);
  for (const group of [...groups].reverse()) rows.push(...groupFigures(group, groups, rows));
  return rows;
}

function taskFigures({ task, shots, documents }: TaskResult): FigureRow[] {
  return Object.entries(task.metrics).flatMap(([filter, metrics]) =>
    Object.entries(metrics).flatMap(([metric, info]) => {
      const values = documents.flatMap(({ scored }): MetricValue[] => {
        const value = scored?.find((one) => one.filter === filter)?.metrics[metric];
        return value === undefined ? [] : [value];
      });
      const figure = aggregate(info, values);
      if (figure === null) return [];
      const { name, version } = task;
      return [
        { ...figure, name, isGroup: false, version, filter, shots, metric, info, interval: intervalOf(figure, info) },
      ];
    }),
  );
}

/** Means over the documents of all members, where every task in it has the metric. */
function groupFigures(group: TaskGroup, groups: readonly TaskGroup[], rows: readonly FigureRow[]): FigureRow[] {
  const members = new Set(leaves(group, groups));
  return group.metrics.flatMap((metric) => {
    const parts = rows.filter((row) => !row.isGroup && row.metric === metric && members.has(row.name));
    const figure = aggregateGroup(parts);
    const [first] = parts;
    if (figure === null || first === undefined) return [];
    const { filter, info } = first;
    const { name, version } = group;
    return [
      {
        ...figure,
        name,
        isGroup: true,
        version,
        filter,
        shots: parts.every(({ shots }) => shots === first.shots) ? first.shots : null,
        metric,
        info,
        interval: intervalOf(figure, info),
      },
    ];
  });
}

/** Names of the tasks in a group and in the groups in it. */
export function leaves(group: TaskGroup, groups: readonly TaskGroup[]): string[] {
  return group.members.flatMap((name) => {
    const inner = groups.find((one) => one.name === name);
    return inner ? leaves(inner, groups) : [name];
  });
}

function intervalOf({ value, stderr, count }: Figure, { isBinary }: MetricInfo): Interval | null {
  return isBinary ? wilson(value, count) : normalInterval(value, stderr);
}
