/** Formats the report of `inspect` as text for a human. Does not compute anything. */

import { basename } from "node:path";
import { plural, showBytes } from "../../../formats/files/amounts.js";
import { quoted } from "../../../formats/files/quoted.js";
import { verifiedLine } from "../../model/verify.js";
import { count } from "../../terminal/summary.js";
import { type Column, tableText } from "../../terminal/table.js";
import type { InspectionReport } from "./inspect-report.js";

type Need = InspectionReport["needs"][number];
type Node = InspectionReport["nodes"][number];

const COLUMNS: readonly Column<Need>[] = [
  { title: "dtype", isText: true, cell: ({ dtype }) => dtype },
  { title: "ranks", cell: ({ world_size }) => String(world_size) },
  { title: "weights per rank", cell: ({ weight_bytes_per_rank }) => showBytes(weight_bytes_per_rank) },
  { title: "all ranks", cell: ({ weight_bytes }) => showBytes(weight_bytes) },
  { title: "KV, 1,000 tokens", cell: ({ kv_bytes_per_1000_tokens }) => showBytes(kv_bytes_per_1000_tokens) },
  { title: "total", cell: ({ total_bytes }) => showBytes(total_bytes) },
  { title: "fits", isText: true, cell: ({ fits }) => (fits ? "yes" : "no") },
];

const NODE_COLUMNS: readonly Column<Node>[] = [
  { title: "dtype", isText: true, cell: ({ dtype }) => dtype },
  { title: "node", cell: ({ node }) => String(node) },
  { title: "ranks", cell: ({ world_size }) => String(world_size) },
  { title: "layers", cell: ({ first_layer, last_layer }) => `${first_layer} to ${last_layer}` },
  { title: "weights", cell: ({ weight_bytes }) => showBytes(weight_bytes) },
  { title: "KV, 1,000 tokens", cell: ({ kv_bytes_per_1000_tokens }) => showBytes(kv_bytes_per_1000_tokens) },
  { title: "total", cell: ({ total_bytes }) => showBytes(total_bytes) },
  { title: "fits", isText: true, cell: ({ fits }) => (fits ? "yes" : "no") },
];

export function inspectionText(report: InspectionReport): string {
  const { memory, needs, nodes, max_seq_len } = report;
  const pairs = lines(report);
  const width = Math.max(...pairs.map(([label]) => label.length));
  const facts = pairs.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join("");
  const limit = memory.limited_by_cgroup ? " (cgroup limit)" : "";
  return `${title(report)}

${facts}
Memory: ${showBytes(memory.total_bytes)}${limit}, ${showBytes(memory.available_bytes)} available. Total: weights, a context of ${max_seq_len} tokens, working memory.

${nodes.length > 0 ? nodesText(nodes) : tableText(COLUMNS, needs)}`;
}

/** The layers are cut so that the hosts take the same time; node 0, which samples, holds the last ones and the head. */
function nodesText(nodes: InspectionReport["nodes"]): string {
  const count = Math.max(...nodes.map(({ node }) => node)) + 1;
  return `What each of ${plural(count, "host")} like this one holds:\n\n${tableText(NODE_COLUMNS, nodes)}`;
}

function title({ folder, name, name_in_file, parameters }: InspectionReport): string {
  const inFile = name_in_file === null ? null : quoted(name_in_file);
  return `${folder}: ${name ?? inFile ?? "not a released model (custom shape)"}, ${count(parameters)} parameters`;
}

function lines(report: InspectionReport): [string, string][] {
  const { tokenizer, context, nproc_per_node: ranks } = report;
  return [
    [
      "format",
      `${report.format}, ${report.quantisation ?? report.file_dtype}, ${plural(report.shards.length, "file")}, ${showBytes(report.file_bytes)}`,
    ],
    ...typeLines(report),
    ...shardLines(report),
    [
      "shape",
      `dim ${report.dim}, ${report.n_layers} layers, ${report.n_heads} heads (${report.n_kv_heads} for keys and values) of ${report.head_dim}, feed-forward ${report.ffn_dim}`,
    ],
    ["bits", bitsText(report)],
    [
      "rope",
      `theta ${report.rope_theta}${report.rope_scaling === null ? "" : `, ${scalingText(report.rope_scaling)}`}; norm_eps ${report.norm_eps}`,
    ],
    ["output", report.tied ? "the embedding (tied)" : "a matrix of its own"],
    ...relativeLines(report),
    ["context", context === null ? "unknown" : `${context} tokens`],
    [
      "tokenizer",
      tokenizer === null
        ? `none; ${report.vocab_rows} rows of the model`
        : `${tokenizerName(tokenizer)}, ${tokenizer.vocab_size} tokens${rowsText(report.vocab_rows, tokenizer)} (${tokenizer.file})`,
    ],
    [
      "ranks",
      `--nproc_per_node 1 to ${ranks.max}, even at ${ranks.even.join(", ")}; auto: ${ranks.auto} in ${report.dtype_auto}`,
    ],
    ...(report.verified === null ? [] : [["verified", verifiedLine(report.verified)] as [string, string]]),
  ];
}

/** "scaled by llama3, factor 8, old context 8192" */
function scalingText(scaling: NonNullable<InspectionReport["rope_scaling"]>): string {
  const old = "oldContext" in scaling ? `, trained with ${scaling.oldContext} tokens` : "";
  const by = "factor" in scaling ? ` by ${Number(scaling.factor.toPrecision(4))}` : "";
  return `scaled (${scaling.kind})${by}${old}`;
}

/** Says where the model has more rows than tokens, or fewer. */
function rowsText(rows: number, { vocab_size: tokens }: { vocab_size: number }): string {
  if (rows === tokens) return "";
  return rows > tokens
    ? ` and ${plural(rows - tokens, "unused row")} of the model`
    : `, the last ${tokens - rows} of them without a row of the model`;
}

/** What the model has in addition to LLaMA's tensors and steps, if anything. */
function relativeLines({
  architecture,
  biases,
  head_norms,
  windows,
  unrotated_layers,
}: InspectionReport): [string, string][] {
  const biased = { qkv: "q k v", wo: "o", ffn: "feed-forward" } as const;
  const names = (Object.keys(biased) as (keyof typeof biased)[]).filter((key) => biases[key]);
  const limits = windows.filter((window) => window !== null);
  const sizes = [...new Set(limits)].join(" or ");
  const facts = [
    ...(names.length > 0 ? [`biases of ${names.map((name) => biased[name]).join(", ")}`] : []),
    ...(head_norms ? ["norms of heads"] : []),
    ...(limits.length > 0 ? [`a window of ${sizes} tokens in ${plural(limits.length, "layer")}`] : []),
    ...(unrotated_layers.length > 0 ? [`${plural(unrotated_layers.length, "layer")} without rotation`] : []),
  ];
  if (facts.length === 0 && architecture === "LLaMA") return [];
  return [["kind", facts.length === 0 ? architecture : `${architecture}: ${facts.join("; ")}`]];
}

function tokenizerName({ kind, units }: NonNullable<InspectionReport["tokenizer"]>): string {
  const what = units === "bytes" ? "byte-level" : "SentencePiece pieces";
  if (kind === "tokenizer.json" || kind === "gguf") return `${kind === "gguf" ? "GGUF" : "Hugging Face"}, ${what}`;
  return kind === "tiktoken" ? "tiktoken" : "SentencePiece";
}

/** The types of the tensors, if the matrices have several, and what becomes of the file's own blocks in int8 and int4. */
function typeLines({ tensor_types: types, file_dtype, handed_on }: InspectionReport): [string, string][] {
  const names = Object.keys(types);
  const lines: [string, string][] = [];
  if (names.some((type) => type !== file_dtype && type !== "fp32")) {
    lines.push(["types", names.map((type) => `${types[type]} ${type}`).join(", ")]);
  }
  if (names.some((type) => /^I?Q/.test(type))) {
    const kept = (["int8", "int4"] as const).map((type) => `${type} ${keptText(handed_on[type])}`);
    lines.push(["blocks", `read exactly in fp32; kept as they are in ${kept.join(", in ")}`]);
  }
  return lines;
}

function bitsText({ bits_per_weight: { int8, int4 } }: InspectionReport): string {
  return `${int8.toFixed(2)} for each weight of the layers in int8, ${int4.toFixed(2)} in int4, with scales and zero points`;
}

function keptText(matrices: readonly string[]): string {
  return matrices.length === 0 ? "none" : matrices.map((name) => name.split(".").at(-1)).join(" ");
}

/** The files with their sizes, and how the tensors are split over them. */
function shardLines({ shards, split }: InspectionReport): [string, string][] {
  if (shards.length === 1) return [];
  const sizes = [...new Set(shards.map((shard) => shard.bytes))].map(showBytes);
  const [first, last] = [shards[0]!, shards.at(-1)!].map(({ file }) => quoted(basename(file)));
  return [
    ["files", `${first} to ${last}, ${sizes.length === 1 ? "each" : "of"} ${[...new Set(sizes)].join(", ")}`],
    [
      "split",
      split === null
        ? "each tensor is whole in one file"
        : `by rows ${split.rows.join(" ")}; by columns ${split.columns.join(" ")}; whole in each: norms`,
    ],
  ];
}
