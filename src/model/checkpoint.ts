/** A checkpoint folder as one model: its config and where every tensor lies. Knows files and shapes; reads no weights. */
import { LlamaError } from "../error.js";
import { openPth } from "../formats/pth.js";
import { type DType, ELEMENT_BYTES, type TensorEntry } from "../formats/tensor-entry.js";
import type { ModelConfig } from "./config.js";
import { listShards } from "./folder.js";
import { type GlobalTensor, mergeShards } from "./global-tensor.js";
import { readParams, resolveConfig } from "./params.js";
import { isIgnoredTensor, layerTensor, type TensorSpec, tensorTable } from "./tensors.js";

export type { GlobalTensor } from "./global-tensor.js";

/** Plain data: can be sent to other threads. */
export interface Checkpoint {
  dir: string;
  config: ModelConfig;
  shardCount: number;
  /** Commonest element type of the matrices. */
  dtype: DType;
  /** Numbers in all tensors. */
  parameterCount: number;
  /** Bytes of all tensors in the files, replicated ones once. */
  byteLength: number;
  /** By name, in the order of the model; every tensor of the config and no other. */
  tensors: Map<string, GlobalTensor>;
  /** Tensors in the files that the model does not have. */
  unexpected: string[];
  /** Keys of params.json that were ignored. */
  unknownParams: string[];
  /** Of a model made of random numbers, whose tensors have no pieces; null for one of files. */
  seed: number | null;
}

/** Reads params.json and the headers of all shards, and checks that they make one model. `vocabSize` is the tokenizer's. */
export function openCheckpoint(dir: string, vocabSize: number): Checkpoint {
  const files = listShards(dir);
  const raw = readParams(dir);
  const config = resolveConfig(raw, vocabSize);
  const table = tensorTable(config);
  const shards = files.map((file) => new Map(openPth(file).map((entry) => [entry.name, entry])));
  const known = new Set(table.map((spec) => spec.name));
  const present = new Set(shards.flatMap((shard) => [...shard.keys()]));
  const unexpected = [...present].filter((name) => !known.has(name) && !isIgnoredTensor(name));
  shards.forEach((shard, rank) => {
    checkComplete(files[rank]!, shard, table, config, unexpected);
  });

  const partsOf = (name: string) => shards.map((shard) => shard.get(name)!);
  // The first attention matrix tells a missing shard, which would otherwise look like a vocabulary of another size.
  const query = layerTensor(0, "attention.wq");
  mergeShards(table.find((spec) => spec.name === query)!, partsOf(query));
  checkVocabulary(partsOf("output.weight"), vocabSize);

  const tensors = new Map(table.map((spec) => [spec.name, mergeShards(spec, partsOf(spec.name))]));
  const sizes = [...tensors.values()].map((tensor) => tensor.shape.reduce((a, b) => a * b));
  const widths = [...tensors.values()].map(({ pieces }) => ELEMENT_BYTES[pieces[0]!.entry.dtype]);
  return {
    dir,
    config,
    shardCount: files.length,
    dtype: commonestType(tensors),
    parameterCount: sizes.reduce((a, b) => a + b),
    byteLength: sizes.reduce((sum, size, i) => sum + size * widths[i]!, 0),
    tensors,
    unexpected,
    unknownParams: raw.unknownKeys,
    seed: null,
  };
}

function checkComplete(
  file: string,
  shard: ReadonlyMap<string, TensorEntry>,
  table: readonly TensorSpec[],
  config: ModelConfig,
  unexpected: readonly string[],
): void {
  const missing = table.map((spec) => spec.name).filter((name) => !shard.has(name));
  if (missing.length === 0) return;
  let layers = 0;
  while (shard.has(layerTensor(layers, "attention.wq"))) layers++;
  const details: { where: string; found?: string; fix?: string } = { where: file };
  if (unexpected.length > 0) details.found = `unknown ${firstFew(unexpected)}`;
  if (unexpected.some((name) => name.startsWith("model.layers."))) {
    details.fix = "These are Hugging Face's names; take Meta's original files";
  } else if (layers > 0 && layers < config.nLayers) {
    details.fix = `params.json says n_layers ${config.nLayers}, the file has ${layers}`;
  }
  throw new LlamaError("model", `missing tensor ${firstFew(missing)}`, details);
}

function checkVocabulary(parts: readonly TensorEntry[], vocabSize: number): void {
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  if (rows === vocabSize) return;
  throw new LlamaError("model", "the vocabulary is not that of the tokenizer", {
    where: `${parts[0]!.storage.file}: output.weight`,
    expected: `${vocabSize} rows (tokens of the tokenizer)`,
    found: String(rows),
    fix: "Use the tokenizer.model that came with this checkpoint",
  });
}

function commonestType(tensors: ReadonlyMap<string, GlobalTensor>): DType {
  const counts = new Map<DType, number>();
  for (const { shape, pieces } of tensors.values()) {
    const { dtype } = pieces[0]!.entry;
    if (shape.length === 2) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  }
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

function firstFew(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
