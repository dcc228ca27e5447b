/** Opens a checkpoint folder of either layout as one model: its config, and where every tensor is. Reads no weights except norms. */
import { LlamaError } from "../../error.js";
import { openPth } from "../../formats/checkpoint/pth.js";
import { flag } from "../../formats/files/json-file.js";
import { type DType, ELEMENT_BYTES, type StoredTensor } from "../../formats/tensor/stored-tensor.js";
import { firstFew, isIgnoredTensor, layerTensor, type TensorSpec, tensorTable } from "../architecture/tensor-table.js";
import type { ModelConfig } from "../config/config.js";
import { readHfConfig, resolveHfConfig, resolveRope } from "../config/hugging-face-config.js";
import { readParams, resolveConfig } from "../config/meta-params.js";
import { openFolder } from "./folder.js";
import { openHfTensors } from "./hugging-face-tensors.js";
import { type ModelTensor, mergeShards } from "./model-tensor.js";
import { compareReplicas, type DifferingReplica } from "./replicas.js";

export type { ModelTensor } from "./model-tensor.js";

/** Plain data: can be sent to other threads. */
export interface Checkpoint {
  dir: string;
  config: ModelConfig;
  shardCount: number;
  /** Most common element type of the matrices. */
  dtype: DType;
  /** Numbers in all tensors. */
  parameterCount: number;
  /** Bytes of all tensors in the files; replicated ones are counted once. */
  byteLength: number;
  /** By name, in the order of the model; exactly the tensors of the config. */
  tensors: Map<string, ModelTensor>;
  /** Tensors in the files that the model does not have. */
  unexpected: string[];
  /** Replicated tensors that differ between shards; the first shard's are used. */
  differing: DifferingReplica[];
  /** Keys of params.json or config.json that were ignored. */
  unknownParams: string[];
  /** Seed of a model of random numbers, whose tensors have no pieces; null for a model read from files. */
  seed: number | null;
}

/**
 * Reads the description of a model and the headers of its files, and checks that they belong together. `vocabSize` is the
 * tokenizer's. Throws a LlamaError if a file is missing, damaged or does not fit.
 */
export function openCheckpoint(dir: string, vocabSize: number): Checkpoint {
  const { layout, files } = openFolder(dir);
  const model = layout === "meta" ? openMeta(dir, files, vocabSize) : openHuggingFace(dir, files, vocabSize);
  const { tensors } = model;
  const sizes = new Map<StoredTensor, { count: number; bytes: number }>();
  for (const { shape, pieces } of tensors.values()) {
    // Keyed by entry, since a tied embedding is used as two tensors.
    const { entry } = pieces[0]!;
    const count = shape.reduce((a, b) => a * b);
    sizes.set(entry, { count, bytes: count * ELEMENT_BYTES[entry.dtype] });
  }
  const sum = (values: number[]) => values.reduce((a, b) => a + b);
  return {
    dir,
    ...model,
    shardCount: files.length,
    dtype: mostCommonType(tensors),
    parameterCount: sum([...sizes.values()].map(({ count }) => count)),
    byteLength: sum([...sizes.values()].map(({ bytes }) => bytes)),
    seed: null,
  };
}

/** Whether a folder's model scales its rotary frequencies, as all do since Llama 3.1. Reads only its config. */
export function isRopeScaled(dir: string): boolean {
  if (openFolder(dir).layout === "meta") return flag(readParams(dir), "use_scaled_rope");
  return resolveRope(readHfConfig(dir)).ropeScaling !== null;
}

type Model = Pick<Checkpoint, "config" | "tensors" | "unexpected" | "differing" | "unknownParams">;

/** params.json and consolidated.NN.pth. */
function openMeta(dir: string, files: readonly string[], vocabSize: number): Model {
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
  // Checked first: a missing shard would otherwise look like a vocabulary of another size.
  const query = layerTensor(0, "attention.wq");
  mergeShards(table.find((spec) => spec.name === query)!, partsOf(query));
  checkVocabulary(partsOf("output.weight"), vocabSize);
  const tensors = new Map(table.map((spec) => [spec.name, mergeShards(spec, partsOf(spec.name))]));
  const replicated = table.filter(({ split }) => split === "replicated").map(({ name }) => name);
  const differing = compareReplicas(replicated, shards);
  return { config, tensors, unexpected, differing, unknownParams: raw.unknownKeys };
}

/** config.json and .safetensors or .bin files. */
function openHuggingFace(dir: string, files: readonly string[], vocabSize: number): Model {
  const raw = readHfConfig(dir);
  const config = resolveHfConfig(raw, vocabSize);
  const { tensors, unexpected } = openHfTensors(files, config, flag(raw, "tie_word_embeddings"));
  return { config, tensors, unexpected, differing: [], unknownParams: raw.unknownKeys };
}

function checkComplete(
  file: string,
  shard: ReadonlyMap<string, StoredTensor>,
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
    details.fix = "These are Hugging Face's names: put its config.json and .safetensors files in a separate folder";
  } else if (layers > 0 && layers < config.nLayers) {
    details.fix = `params.json has n_layers ${config.nLayers}, but the file has ${layers} layers`;
  }
  throw new LlamaError("model", `missing tensor ${firstFew(missing)}`, details);
}

function checkVocabulary(parts: readonly StoredTensor[], vocabSize: number): void {
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  if (rows === vocabSize) return;
  throw new LlamaError("model", "vocabulary does not match the tokenizer", {
    where: `${parts[0]!.storage.file}: output.weight`,
    expected: `${vocabSize} rows (tokens of the tokenizer)`,
    found: String(rows),
    fix: "Use the tokenizer.model that came with this checkpoint",
  });
}

function mostCommonType(tensors: ReadonlyMap<string, ModelTensor>): DType {
  const counts = new Map<DType, number>();
  for (const { shape, pieces } of tensors.values()) {
    const { dtype } = pieces[0]!.entry;
    if (shape.length === 2) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  }
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
