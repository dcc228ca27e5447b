/** Formats the results of `bench` as a table for humans or as CSV for programs. Does not measure or print. */
import { type Column, tableText } from "../../terminal/table.js";
import type { BenchRow } from "./bench-row.js";

/** Columns of the table; the model is named above the table. */
const COLUMNS: readonly Column<BenchRow>[] = [
  { title: "dtype", isText: true, cell: ({ dtype }) => dtype },
  { title: "ranks x threads", isText: true, cell: ({ world_size, threads }) => `${world_size} x ${threads}` },
  { title: "load, s", cell: ({ load_ms }) => (load_ms / 1000).toFixed(1) },
  { title: "test", isText: true, cell: ({ test }) => test },
  { title: "tok/s", cell: ({ tps_median }) => digits(tps_median) },
  { title: "min..max", cell: ({ tps_min, tps_max }) => `${digits(tps_min)}..${digits(tps_max)}` },
  { title: "ms/token", cell: ({ ms_per_token }) => digits(ms_per_token) },
  { title: "waiting", cell: ({ wait_ms_per_token }) => digits(wait_ms_per_token) },
  { title: "weights + KV, MB", cell: readCell },
  { title: "GB/s", cell: ({ read_gb_per_s }) => (read_gb_per_s === null ? "-" : digits(read_gb_per_s)) },
  { title: "of memory", cell: shareCell },
];

/** Explains the columns, below the table. */
export const LEGEND = `tok/s: median of the trials; min..max: slowest and fastest trial. waiting: ms/token spent waiting for other ranks, mean over ranks.
weights + KV: read for each token. of memory: share of the memory bandwidth of the same number of threads, measured in this run.`;

/** Aligned columns with a line of titles. */
export function benchTable(rows: readonly BenchRow[]): string {
  return tableText(COLUMNS, rows);
}

/** The line of CSV with the column names, in the order of the fields of every row. */
export function csvHeader(row: BenchRow): string {
  return `${Object.keys(row).join(",")}\n`;
}

/** One line of CSV (RFC 4180, but with \n as line end); a value that was not measured is empty. */
export function csvLine(row: BenchRow): string {
  const fields = Object.values(row).map((value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${fields.join(",")}\n`;
}

function readCell({ weight_bytes_per_token, kv_bytes_per_token }: BenchRow): string {
  if (weight_bytes_per_token === null || kv_bytes_per_token === null) return "-";
  return `${digits(weight_bytes_per_token / 1e6)} + ${digits(kv_bytes_per_token / 1e6)}`;
}

function shareCell({ memory_share, memory_gb_per_s }: BenchRow): string {
  if (memory_share === null) return "-";
  return `${Math.round(memory_share * 100)} % of ${digits(memory_gb_per_s)}`;
}

/** Formats with three significant digits, or more if the integer part has more. */
function digits(value: number): string {
  if (value === 0) return "0";
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 3));
}
