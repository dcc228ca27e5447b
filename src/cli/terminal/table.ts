/** Formats rows as aligned columns with a line of titles, or below each other where they do not fit. Does not know what the cells mean. */
import { terminalColumns, textWidth } from "./fit-lines.js";

export interface Column<Row> {
  title: string;
  /** Text is aligned left, numbers right. */
  isText?: true;
  cell: (row: Row) => string;
}

const GAP = "  ";

/** A table that is wider than `width` gets cells of several lines; if that is not enough, each row becomes a list. */
export function tableText<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width = terminalColumns(),
): string {
  const titles = columns.map(({ title }) => title);
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columnWidths(columns, [titles, ...cells], width);
  if (widths === null) return lists(titles, cells);
  return [titles, ...cells].map((line) => rowText(line, columns, widths)).join("");
}

/** The width of each column, the widest made narrower until all fit; null if they cannot. */
function columnWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  width: number,
): number[] | null {
  const most = (measure: (text: string) => number) =>
    columns.map((_, i) => Math.max(...cells.map((line) => measure(line[i]!))));
  const widths = most(textWidth);
  // A number stays on one line with its unit; only its title may have several.
  const least = columns.map(({ isText, title }, i) => {
    const words = (text: string) => Math.max(...parts(text).map((part) => textWidth(part.trimEnd())));
    const inCells = cells.slice(1).map((line) => (isText ? words(line[i]!) : textWidth(line[i]!)));
    return Math.max(words(title), ...inCells);
  });
  let excess = widths.reduce((sum, one) => sum + one, GAP.length * (columns.length - 1)) - width;
  while (excess > 0) {
    const loose = widths.map((one, i) => (one > least[i]! ? one : 0));
    const widest = Math.max(...loose);
    if (widest === 0) return null;
    widths[loose.indexOf(widest)]!--;
    excess--;
  }
  return widths;
}

/** One row, of as many lines as its longest cell needs. */
function rowText<Row>(cells: readonly string[], columns: readonly Column<Row>[], widths: readonly number[]): string {
  const blocks = cells.map((cell, i) => cellLines(cell, widths[i]!));
  const height = Math.max(...blocks.map((lines) => lines.length));
  const lines = Array.from({ length: height }, (_, at) =>
    blocks.map((block, i) => {
      const text = block[at] ?? "";
      const space = " ".repeat(widths[i]! - textWidth(text));
      return columns[i]!.isText ? text + space : space + text;
    }),
  );
  return lines.map((line) => `${line.join(GAP).trimEnd()}\n`).join("");
}

function cellLines(cell: string, width: number): string[] {
  if (textWidth(cell) <= width) return [cell];
  const lines: string[] = [];
  for (const part of parts(cell)) {
    const longer = (lines.at(-1) ?? "") + part;
    if (lines.length > 0 && textWidth(longer.trimEnd()) <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines.map((line) => line.trimEnd());
}

/** Where a cell may be divided: after spaces, and in names and paths after their signs. */
function parts(text: string): string[] {
  return text.split(/(?<=[ /_-])/);
}

/** Each row as lines of title and cell, with an empty line between rows. */
function lists(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = Math.max(...titles.map(textWidth));
  const line = (title: string, cell: string) => `${title.padEnd(width)}${GAP}${cell}\n`;
  return rows.map((cells) => titles.map((title, i) => line(title, cells[i]!)).join("")).join("\n");
}
