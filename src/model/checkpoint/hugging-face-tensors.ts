/** Maps Hugging Face's tensors to Meta's: names, tied embeddings. Reads no numbers but those of a tied output matrix. */
import { LlamaError } from "../../error.js";
import { openPth, pthContainer } from "../../formats/checkpoint/pth.js";
import { openSafetensors } from "../../formats/checkpoint/safetensors.js";
import { firstFew } from "../../formats/files/amounts.js";
import { quoted } from "../../formats/files/quoted.js";
import type { StoredTensor, UnreadTensors } from "../../formats/tensor/stored-tensor.js";
import { hfName, TENSORS, type TensorSpec, tensorTable } from "../architecture/tensor-table.js";
import type { ModelConfig } from "../config/config.js";
import type { CheckpointTensors } from "./checkpoint-format.js";
import { type ModelTensor, sameShape, showShape } from "./model-tensor.js";
import { haveSameNumbers } from "./tied-head.js";

const EMBEDDING = hfName(TENSORS.embedding, 0);
const HEAD = hfName(TENSORS.output, 0);
/** What transformers calls base_model_prefix: a base model that was saved by itself has its names without it. */
const BASE = "model.";

/** Tensors that quantised weights consist of. */
const QUANTIZED: readonly (readonly [string, string])[] = [
  ...[[".g_idx", "GPTQ"] as const, [".qweight", "AWQ or GPTQ"] as const, [".absmax", "bitsandbytes"] as const],
  ...[[".weight_packed", "compressed-tensors"] as const, [".weight_scale", "compressed-tensors"] as const],
  ...[[".weight_scale_inv", "fp8"] as const, [".scales", "MLX"] as const],
];

/** What is in the files, by the names that the model has for it. */
interface Found {
  entries: Map<string, StoredTensor>;
  unread: UnreadTensors;
}

/**
 * Finds every tensor of the config in the files; `tied` says that the embedding is also the output matrix, unless the files have
 * one with other numbers. Throws a LlamaError if a tensor is missing, is there twice, or has a shape that does not fit the config.
 */
export function openHfTensors(files: readonly string[], config: ModelConfig, tied: boolean): CheckpointTensors {
  const specs = tensorTable(config);
  const found = openFiles(files, new Set(specs.map((spec) => spec.hfName)));
  const { entries, unread } = found;
  const table = specs.map((spec) => ({ spec, stored: spec.hfName }));
  const remarks: string[] = [];
  if (tied) {
    const head = tiedHead(found, specs);
    for (const row of table) if (row.stored === EMBEDDING || row.stored === HEAD) row.stored = head(row.stored);
    if (head(EMBEDDING) !== head(HEAD)) {
      remarks.push(
        `tie_word_embeddings is true, but ${HEAD} differs from ${EMBEDDING}, so ${HEAD} is used (set it to false in config.json)`,
      );
    }
  }
  const missing = table.map(({ stored }) => stored).filter((name) => !entries.has(name));
  for (const name of missing) if (unread.has(name)) throw unread.get(name)!;
  if (missing.length > 0) throw missingTensors(files, missing, found, config);
  const tensors = table.map(({ spec: { name, shape }, stored }): [string, ModelTensor] => {
    const entry = entries.get(stored)!;
    checkShape(entry, shape);
    return [name, { name, shape, axis: null, pieces: [{ start: 0, end: shape[0]!, entry }] }];
  });
  const known = new Set([...table.map(({ stored }) => stored), ...(tied ? [EMBEDDING, HEAD] : [])]);
  const isComputed = (name: string) => name.endsWith(".rotary_emb.inv_freq");
  const unexpected = [...entries.keys(), ...unread.keys()].filter((name) => !known.has(name) && !isComputed(name));
  const { entry } = tensors[0]![1].pieces[0]!;
  const container = isPth(entry.storage.file) ? pthContainer(entry) : "safetensors";
  return { container, tensors: new Map(tensors), unexpected, differing: [], remarks };
}

function openFiles(files: readonly string[], wanted: ReadonlySet<string>): Found {
  const entries = new Map<string, StoredTensor>();
  const unread: UnreadTensors = new Map();
  for (const file of files) {
    const others: UnreadTensors = new Map();
    for (const entry of isPth(file) ? openPth(file, others) : openSafetensors(file, others)) {
      const name = modelName(entry.name, wanted);
      const other = entries.get(name);
      if (other) {
        const problem = file === other.storage.file ? "is there twice" : "is also in another file";
        const found = file === other.storage.file ? quoted(other.name) : other.storage.file;
        throw new LlamaError("model", `tensor ${problem}`, { where: `${file}: ${entry.name}`, found });
      }
      entries.set(name, entry);
    }
    for (const [name, error] of others) unread.set(modelName(name, wanted), error);
  }
  return { entries, unread };
}

/** The name without or with the prefix if the model has that one (transformers, rename_source_key). */
function modelName(name: string, wanted: ReadonlySet<string>): string {
  const bare = name.startsWith(BASE) ? name.slice(BASE.length) : name;
  if (bare !== name && wanted.has(bare)) return bare;
  return wanted.has(BASE + name) ? BASE + name : name;
}

/**
 * The tensors that are the embedding and the output matrix of a tied model: the one that is there; both only if their numbers
 * differ (transformers, tie_weights).
 */
function tiedHead({ entries }: Found, specs: readonly TensorSpec[]): (name: string) => string {
  const [embedding, head] = [entries.get(EMBEDDING), entries.get(HEAD)];
  if (embedding === undefined && head !== undefined) return () => HEAD;
  if (embedding === undefined || head === undefined) return () => EMBEDDING;
  for (const entry of [embedding, head]) checkShape(entry, specs.find((spec) => spec.hfName === HEAD)!.shape);
  return haveSameNumbers(embedding, head) ? () => EMBEDDING : (name) => name;
}

function checkShape({ name, shape, storage }: StoredTensor, expected: readonly number[]): void {
  if (sameShape(shape, expected)) return;
  throw new LlamaError("model", "shape does not fit config.json", {
    where: `${storage.file}: ${name}`,
    expected: showShape(expected),
    found: showShape(shape),
    fix: "Check that config.json belongs to these files",
  });
}

function isPth(file: string): boolean {
  return file.endsWith(".bin");
}

/** Shows some of the names that the files have instead, and what they mean if that can be said. */
function missingTensors(
  files: readonly string[],
  missing: readonly string[],
  { entries, unread }: Found,
  { nLayers }: ModelConfig,
): LlamaError {
  const where = files.length === 1 ? files[0]! : `${files.length} files up to ${files.at(-1)}`;
  const names = [...entries.keys(), ...unread.keys()];
  const known = new Set(tensorNames(nLayers));
  const unknown = names.filter((name) => !known.has(name));
  const found = unknown.length > 0 ? `unknown ${firstFew(unknown)}` : undefined;
  const fix = missingFix(missing, new Set(names), nLayers);
  return new LlamaError("model", `missing tensor ${firstFew(missing)}`, {
    where,
    ...(found !== undefined && { found }),
    ...(fix !== undefined && { fix }),
  });
}

function missingFix(missing: readonly string[], names: ReadonlySet<string>, nLayers: number): string | undefined {
  const longer = [...names].find((name) => missing.some((wanted) => name.endsWith(`.${wanted}`)));
  if (longer !== undefined) {
    const prefix = longer.slice(0, -missing.find((wanted) => longer.endsWith(`.${wanted}`))!.length);
    return `The names begin with ${quoted(prefix)}, as a compiled or wrapped model is saved: remove it and save the model again`;
  }
  if (missing[0] === HEAD) {
    return "If the model uses its embedding as the output matrix, set tie_word_embeddings to true in config.json";
  }
  const method = QUANTIZED.find(([ending]) => [...names].some((name) => name.endsWith(ending)))?.[1];
  if (method !== undefined) return `The weights are quantised by ${method}: use the folder with the original weights`;
  if (names.has("tok_embeddings.weight"))
    return "These are Meta's names: they belong in a .pth file beside a params.json";
  let layers = 0;
  while (names.has(hfName(TENSORS.wq, layers))) layers++;
  if (layers === 0 || layers >= nLayers) return undefined;
  return `config.json has num_hidden_layers ${nLayers}, but the files have ${layers} layers`;
}

/** The names of a model with this number of layers. */
function tensorNames(nLayers: number): string[] {
  return Object.values(TENSORS).flatMap((kind) => Array.from({ length: nLayers }, (_, layer) => hfName(kind, layer)));
}
