/** Aligned columns of text with a line of titles. Knows nothing of what stands in them. */

export interface Column<Row> {
  title: string;
  /** Text stands at the left of its column, numbers at the right. */
  isText?: true;
  cell: (row: Row) => string;
}

export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const lines = cells.map((line) =>
    line.map((cell, i) => (columns[i]!.isText ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
