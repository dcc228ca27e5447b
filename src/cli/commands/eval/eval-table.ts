/** Formats the results of an evaluation as lm-evaluation-harness' table, with intervals and the LLaMA paper's figures. */
import { type FigureRow, PAPER_SIZES } from "../../../evaluation/results/figures.js";
import type { Outcome } from "../../../evaluation/results/results-json.js";
import type { PaperFigure } from "../../../evaluation/tasks/task.js";
import { fitLines, terminalColumns } from "../../terminal/fit-lines.js";
import { tableText } from "../../terminal/table.js";

/** A column of Markdown; numbers are aligned right. */
export interface MarkdownColumn<Row> {
  title: string;
  isNumber?: true;
  cell: (row: Row) => string;
}

/** The table, and below it what the paper's figures are. */
export function evalTable({ rows, results, groups, facts: { paperModel } }: Outcome): string {
  const paperOf = (row: FigureRow) => {
    const { paper = [] } =
      results.find(({ task }) => task.name === row.name)?.task ?? groups.find(({ name }) => name === row.name) ?? {};
    const figure = paper.find(
      ({ metric, shots }) => metric === `${row.metric},${row.filter}` && (shots ?? row.shots) === row.shots,
    );
    const value = figure?.values[PAPER_SIZES.indexOf(paperModel ?? "")] ?? null;
    return value === null ? null : { ...figure!, value };
  };
  const isFirst = (row: FigureRow) => rows.find(({ name }) => name === row.name) === row;
  const columns: MarkdownColumn<FigureRow>[] = [
    { title: "Tasks", cell: (row) => (isFirst(row) ? row.name : "") },
    { title: "Version", isNumber: true, cell: (row) => (isFirst(row) ? String(row.version) : "") },
    { title: "Filter", cell: ({ filter }) => filter },
    { title: "n-shot", isNumber: true, cell: ({ shots }) => (shots === null ? "" : String(shots)) },
    { title: "Metric", cell: ({ metric }) => metric },
    { title: "", cell: ({ info: { higherIsBetter } }) => (higherIsBetter === null ? "" : higherIsBetter ? "↑" : "↓") },
    { title: "Value", isNumber: true, cell: ({ value }) => value.toFixed(4) },
    { title: "", cell: () => "±" },
    { title: "Stderr", isNumber: true, cell: ({ stderr }) => stderr?.toFixed(4) ?? "N/A" },
    { title: "95 % interval", cell: ({ interval }) => interval?.map((end) => end.toFixed(4)).join(" to ") ?? "" },
  ];
  const shown = rows.map(paperOf).filter((figure) => figure !== null);
  if (shown.length > 0) {
    columns.push({ title: `LLaMA ${paperModel}`, isNumber: true, cell: (row) => String(paperOf(row)?.value ?? "") });
  }
  return markdownTable(columns, rows) + (shown.length > 0 ? fitLines(sourceLine(shown)) : "");
}

function sourceLine(figures: readonly PaperFigure[]): string {
  const settings = [...new Set(figures.map(({ setting }) => setting))].join("; ");
  return `\nFigures of LLaMA in per cent, from arXiv 2302.13971 (${settings}).\n`;
}

/** A table that Markdown and people read; without Markdown's lines on a terminal that is too narrow for them. */
export function markdownTable<Row>(columns: readonly MarkdownColumn<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => [...line[column]!].length)));
  const padded = (text: string, i: number) => {
    const space = " ".repeat(widths[i]! - [...text].length);
    return columns[i]!.isNumber ? space + text : text + space;
  };
  const rule = columns.map(({ isNumber }, i) =>
    isNumber ? `${"-".repeat(Math.max(0, widths[i]! - 1))}:` : "-".repeat(widths[i]!),
  );
  if (widths.reduce((sum, width) => sum + width + 1, 1) > terminalColumns()) return plainTable(columns, rows);
  const lines = [cells[0]!.map(padded), rule, ...cells.slice(1).map((line) => line.map(padded))];
  return lines.map((line) => `|${line.join("|")}|\n`).join("");
}

/** Signs that belong to the column beside them, without a title, are left out. */
function plainTable<Row>(columns: readonly MarkdownColumn<Row>[], rows: readonly Row[]): string {
  const titled = columns.filter(({ title }) => title !== "");
  const plain = titled.map(({ title, cell, isNumber }) => ({
    title,
    cell,
    ...(!isNumber && { isText: true as const }),
  }));
  return tableText(plain, rows);
}
