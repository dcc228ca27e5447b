/** Formats the output of the comparison: the machine, both programs, and a line for each row with the ratio of each pair. Measures nothing. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";

/** Bits per weight of llama-ts including the scale: most of its matrices have blocks of 128 with an fp32 scale. */
const OUR_BITS = { fp32: 32, int8: 8 + 32 / 128, int4: 4 + 32 / 128 };

export function machine() {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

export function versions() {
  const version = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
  return {
    "llama-ts": version("../../package.json"),
    "onnxruntime-node": version("../../node_modules/onnxruntime-node/package.json"),
    "node-llama-cpp": version("node_modules/node-llama-cpp/package.json"),
  };
}

/** Bytes of weights that one token reads; ours are computed from bits per weight. */
export function bytesPerToken(dtype, { bytesPerToken: peer, weightsPerToken }) {
  const bits = OUR_BITS[dtype];
  return { ours: bits === undefined ? null : (weightsPerToken * bits) / 8, peer };
}

/** Medians, and the ratio ours / peer of each pair. */
export function summary({ name, unit, pairs, setting }) {
  const ratios = pairs.map(({ ours, peer }) => ours / peer);
  return {
    name,
    unit,
    ours: median(pairs.map(({ ours }) => ours)),
    peer: median(pairs.map(({ peer }) => peer)),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    ...(setting !== undefined && { flashAttention: setting }),
    pairs,
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The lines of one pair of types. */
export function typeLines({ dtype, type, bytes, about, residentMB, idle, foreign, rows }) {
  const MB = (value) => (value === null ? "?" : `${Math.round(value / 1e6)} MB`);
  const { ours, peer } = about;
  const lines = [
    `${dtype} | ${type}`,
    `  ours: ${ours.ranks} x ${ours.threads} threads, weight cache ${ours.cache}, weights read per token ${MB(bytes.ours)}, resident ${Math.round(residentMB.ours)} MB`,
    `  peer: ${peer.threads} threads, weights read per token ${MB(bytes.peer)}, resident ${Math.round(residentMB.peer)} MB, llama.cpp ${peer.release}`,
    `  peer's kernels: ${peer.features.replace(/ = 1/g, "").replace(/[|\s]+$/, "")}`,
    `  other programs used at most ${(Math.max(foreign.ours, foreign.peer) * 100).toFixed(0)} % of a core; above about 10 % the figures are not reliable`,
    `  the waiting side used at most ${(idle.ours * 100).toFixed(1)} % (ours) and ${(idle.peer * 100).toFixed(1)} % (peer) of a core`,
    `  ${"".padEnd(24)}${"ours".padStart(10)}${"peer".padStart(10)}         ours / peer`,
  ];
  for (const row of rows) {
    const better = row.unit === "ms" ? "lower is better" : "higher is better";
    const ratio = `${row.ratio.toFixed(2)} (${row.lowest.toFixed(2)} to ${row.highest.toFixed(2)})`;
    const flash = row.flashAttention === undefined ? "" : `, flash attention ${row.flashAttention ? "on" : "off"}`;
    const figures = `${shown(row.ours).padStart(10)}${shown(row.peer).padStart(10)} ${row.unit.padEnd(6)}`;
    lines.push(`  ${row.name.padEnd(24)}${figures}  ${ratio}   ${better}${flash}`);
  }
  return lines;
}

function shown(value) {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
