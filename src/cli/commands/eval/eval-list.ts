/** `eval list`: shows the tasks with what they need and the LLaMA paper's figures. */

import { GROUPS, selectTasks, TASKS } from "../../../evaluation/benchmarks/registry.js";
import { expectedFiles } from "../../../evaluation/data/find-files.js";
import type { Split } from "../../../evaluation/data/row.js";
import { PAPER_SIZES } from "../../../evaluation/results/figures.js";
import type { PaperFigure, Task } from "../../../evaluation/tasks/task.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { Output } from "../../terminal/output.js";
import { tableText } from "../../terminal/table.js";

/** Tasks of a group that are shown one by one. */
const MOST = 11;

/** Runs the command and returns the exit code. */
export async function listTasks(names: readonly string[], flags: { json?: true | undefined }): Promise<number> {
  const tasks = names.length > 0 ? selectTasks(names).tasks : TASKS;
  const output = new Output(process.stdout, () => {});
  if (flags.json) await output.write(`${JSON.stringify(tasks.map(described))}\n`);
  else if (names.length > 0) await output.write(fitLines(tasks.map(detail).join("\n")));
  else await output.write(fitLines(overview()));
  return 0;
}

/** Groups whose tasks are too many to be listed one by one. */
const LARGE = GROUPS.filter(
  ({ members }) => members.length > MOST && members.every((name) => name.startsWith("mmlu_")),
);

function overview(): string {
  const columns = [
    { title: "task", isText: true as const, cell: ({ name }: Task) => name },
    { title: "shots", cell: ({ defaultShots }: Task) => String(defaultShots) },
    { title: "metrics", isText: true as const, cell: (task: Task) => metricNames(task).join(", ") },
    { title: "data set", isText: true as const, cell: ({ source }: Task) => source },
    { title: "licence", isText: true as const, cell: ({ licence }: Task) => licence },
    {
      title: "LLaMA 7B 13B 33B 65B",
      isText: true as const,
      cell: ({ paper }: Task) => paper?.[0]?.values.map((value) => value ?? "-").join(" ") ?? "",
    },
  ];
  const groups = GROUPS.map(
    ({ name, members }) =>
      `  ${name}: ${members.length > 4 ? `${members.length} tasks, from ${members[0]}` : members.join(", ")}\n`,
  );
  const rows = TASKS.filter(({ name }) => !LARGE.some(({ members }) => members.includes(name)));
  return `${tableText(columns, rows)}\nGroups:\n${groups.join("")}\nFigures of LLaMA from arXiv 2302.13971, in per cent. \`llama-ts eval list NAME\` shows the files of a task.\n`;
}

function metricNames(task: Task): string[] {
  return [...new Set(Object.values(task.metrics).flatMap((metrics) => Object.keys(metrics)))];
}

/** The splits that a task reads, without and with examples. */
function splitsOf({ split, examples }: Task): Split[] {
  return "from" in examples && examples.from !== split ? [split, examples.from] : [split];
}

function detail(task: Task): string {
  const lines = [`${task.name}: ${task.title}`, `  data set  ${task.source} (${task.licence})`];
  for (const [i, split] of splitsOf(task).entries()) {
    const files = expectedFiles(task.data, split);
    lines.push(`  ${i === 0 ? "documents" : "examples "} ${split} split: ${files.join("\n            or ")}`);
  }
  lines.push(`  columns   ${Object.keys(task.data.columns).join(", ")}`, `  metrics   ${metricNames(task).join(", ")}`);
  for (const figure of task.paper ?? []) lines.push(`  LLaMA     ${figureText(figure)}`);
  return `${lines.join("\n")}\n`;
}

function figureText({ metric, values, shots, setting }: PaperFigure): string {
  const sizes = values.flatMap((value, i) => (value === null ? [] : [`${PAPER_SIZES[i]} ${value}`])).join(", ");
  return `${sizes} (${setting}; ${shots === null ? "" : `${shots}-shot, `}beside ${metric})`;
}

function described(task: Task): Record<string, unknown> {
  const { name, title, version, source, licence, defaultShots, output, paper = [] } = task;
  const files = Object.fromEntries(splitsOf(task).map((split) => [split, expectedFiles(task.data, split)]));
  const shown = paper.map(({ metric, values, shots, setting }) => ({
    ...{ metric, shots, setting, source: "arXiv 2302.13971" },
    values: Object.fromEntries(values.map((value, i) => [PAPER_SIZES[i], value])),
  }));
  return {
    ...{ task: name, title, version, source, licence, num_fewshot: defaultShots, output_type: output, files },
    ...{ columns: Object.keys(task.data.columns), metrics: metricNames(task), paper: shown },
  };
}
