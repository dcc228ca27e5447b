/** Meta's checkpoint format: params.json and consolidated.NN.pth, each file with a shard of every tensor; or Mistral's consolidated.safetensors. */

import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { openPth, pthContainer } from "../../formats/checkpoint/pth.js";
import { openSafetensors } from "../../formats/checkpoint/safetensors.js";
import { firstFew } from "../../formats/files/amounts.js";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import { isIgnoredTensor, TENSORS, type TensorSpec, tensorName, tensorTable } from "../architecture/tensor-table.js";
import type { ModelConfig } from "../config/config.js";
import { HF_CONFIG } from "../config/hugging-face-config.js";
import { PARAMS, readParams, resolveConfig, scalingOf } from "../config/meta-params.js";
import type { CheckpointFormat, CheckpointTensors } from "./checkpoint-format.js";
import { mergeShards } from "./model-tensor.js";
import { compareReplicas } from "./replicas.js";

const OUTPUT = tensorName(TENSORS.output, 0);
/** Mistral's file, which has the tensors of Meta's. Hugging Face's folders have a copy beside their own files. */
const MISTRAL = "consolidated.safetensors";

export const metaFormat: CheckpointFormat = {
  name: "Meta",
  detect({ names }) {
    if (names === null || shardNames(names).length === 0) return null;
    return names.includes(PARAMS) ? "complete" : "partial";
  },
  open({ path, names }) {
    const shards = shardNames(names ?? []);
    checkNumbering(path, shards);
    const files = shards.map((name) => join(path, name));
    const raw = readParams(path);
    return {
      path,
      format: this.name,
      files,
      descriptions: [raw.file],
      unknownKeys: raw.unknownKeys,
      ropeScaling: scalingOf(raw),
      config: (vocabSize) => resolveConfig(raw, vocabSize),
      vocabularyRows: () => rowsOf(files.flatMap(openShard).filter(({ name }) => name === OUTPUT)),
      tensors: (config) => openTensors(files, config),
    };
  },
};

/** As in Meta's loader, all files named *.pth except hidden ones; sorted so that numbers without leading zeros are in order, too. */
function shardNames(names: readonly string[]): string[] {
  const byName = new Intl.Collator("en", { numeric: true });
  const shards = names.filter((name) => name.endsWith(".pth") && !name.startsWith(".")).sort(byName.compare);
  if (shards.length > 0 || names.includes(HF_CONFIG)) return shards;
  return names.filter((name) => name === MISTRAL);
}

/** Checks that no shard is missing: a gap would shift all later shards to a wrong rank. */
function checkNumbering(dir: string, names: readonly string[]): void {
  const digits = names.map((name) => /^consolidated\.(\d+)\.pth$/.exec(name)?.[1]);
  const present = new Set(digits.map(Number));
  for (const text of digits) {
    if (text === undefined) continue;
    for (let rank = 0; rank < Number(text) && rank <= names.length; rank++) {
      if (present.has(rank)) continue;
      throw new LlamaError("model", `shard consolidated.${String(rank).padStart(text.length, "0")}.pth is missing`, {
        where: dir,
        found: names.slice(0, 20).join(", "),
        fix: "Copy or download it again",
      });
    }
  }
}

function openTensors(files: readonly string[], config: ModelConfig): CheckpointTensors {
  const table = tensorTable(config);
  const shards = files.map((file) => new Map(openShard(file).map((entry) => [entry.name, entry])));
  const known = new Set(table.map((spec) => spec.name));
  const present = new Set(shards.flatMap((shard) => [...shard.keys()]));
  const unexpected = [...present].filter((name) => !known.has(name) && !isIgnoredTensor(name));
  shards.forEach((shard, rank) => {
    checkComplete(files[rank]!, shard, table, config, unexpected);
  });

  const partsOf = (name: string) => shards.map((shard) => shard.get(name)!);
  // Checked first: a missing shard would otherwise look like a vocabulary of another size.
  const query = tensorName(TENSORS.wq, 0);
  mergeShards(table.find((spec) => spec.name === query)!, partsOf(query));
  checkVocabulary(partsOf(OUTPUT), config.vocabSize);
  const tensors = new Map(table.map((spec) => [spec.name, mergeShards(spec, partsOf(spec.name))]));
  const replicated = table.filter(({ split }) => split === "replicated").map(({ name }) => name);
  const differing = compareReplicas(replicated, shards);
  const container = isPth(files[0]!) ? pthContainer(partsOf(query)[0]!) : "safetensors";
  return { container, tensors, unexpected, differing };
}

function openShard(file: string): StoredTensor[] {
  return isPth(file) ? openPth(file) : openSafetensors(file);
}

function isPth(file: string): boolean {
  return file.endsWith(".pth");
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
  while (shard.has(tensorName(TENSORS.wq, layers))) layers++;
  const details: { where: string; found?: string; fix?: string } = { where: file };
  if (unexpected.length > 0) details.found = `unknown ${firstFew(unexpected)}`;
  if (unexpected.some((name) => name.startsWith("model.layers."))) {
    details.fix = "These are Hugging Face's names: put its config.json and .safetensors files in a separate folder";
  } else if (layers > 0 && layers < config.nLayers) {
    details.fix = `params.json has n_layers ${config.nLayers}, but the file has ${layers} layers`;
  }
  throw new LlamaError("model", `missing tensor ${firstFew(missing)}`, details);
}

function rowsOf(parts: readonly StoredTensor[]): number {
  return parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
}

function checkVocabulary(parts: readonly StoredTensor[], vocabSize: number): void {
  const rows = rowsOf(parts);
  if (rows === vocabSize) return;
  throw new LlamaError("model", "vocabulary does not match the tokenizer", {
    where: `${parts[0]!.storage.file}: ${OUTPUT}`,
    expected: `${vocabSize} rows (tokens of the tokenizer)`,
    found: String(rows),
    fix: "Use the tokenizer.model that came with this checkpoint",
  });
}
