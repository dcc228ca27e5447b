/** Maps Hugging Face's tensors to Meta's: names, tied embeddings. Reads no numbers. */
import { LlamaError } from "../../error.js";
import { openPth, pthContainer } from "../../formats/checkpoint/pth.js";
import { openSafetensors } from "../../formats/checkpoint/safetensors.js";
import { firstFew } from "../../formats/files/amounts.js";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import { hfName, TENSORS, tensorTable } from "../architecture/tensor-table.js";
import type { ModelConfig } from "../config/config.js";
import type { CheckpointTensors } from "./checkpoint-format.js";
import { type ModelTensor, sameShape, showShape } from "./model-tensor.js";

const EMBEDDING = hfName(TENSORS.embedding, 0);
const HEAD = hfName(TENSORS.output, 0);

/**
 * Finds every tensor of the config in the files; `tied` says that the embedding is also the output matrix.
 * Throws a LlamaError if a tensor is missing, is in two files, or has a shape that does not fit the config.
 */
export function openHfTensors(files: readonly string[], config: ModelConfig, tied: boolean): CheckpointTensors {
  const entries = new Map<string, StoredTensor>();
  for (const file of files) {
    for (const entry of isPth(file) ? openPth(file) : openSafetensors(file)) {
      const other = entries.get(entry.name);
      if (other) {
        const where = `${file}: ${entry.name}`;
        throw new LlamaError("model", "tensor is also in another file", { where, found: other.storage.file });
      }
      entries.set(entry.name, entry);
    }
  }
  const table = tensorTable(config).map((spec) => {
    return { spec, stored: tied && spec.kind === TENSORS.output ? EMBEDDING : spec.hfName };
  });
  const missing = table.map(({ stored }) => stored).filter((name) => !entries.has(name));
  if (missing.length > 0) throw missingTensors(files, missing);
  const tensors = table.map(({ spec: { name, shape }, stored }): [string, ModelTensor] => {
    const entry = entries.get(stored)!;
    if (!sameShape(entry.shape, shape)) {
      throw new LlamaError("model", "shape does not fit config.json", {
        where: `${entry.storage.file}: ${stored}`,
        expected: showShape(shape),
        found: showShape(entry.shape),
        fix: "Check that config.json belongs to these files",
      });
    }
    return [name, { name, shape, axis: null, pieces: [{ start: 0, end: shape[0]!, entry }] }];
  });
  const known = new Set([...table.map(({ stored }) => stored), HEAD]);
  const isComputed = (name: string) => name.endsWith(".rotary_emb.inv_freq");
  const unexpected = [...entries.keys()].filter((name) => !known.has(name) && !isComputed(name));
  const { entry } = tensors[0]![1].pieces[0]!;
  const container = isPth(entry.storage.file) ? pthContainer(entry) : "safetensors";
  return { container, tensors: new Map(tensors), unexpected, differing: [] };
}

function isPth(file: string): boolean {
  return file.endsWith(".bin");
}

function missingTensors(files: readonly string[], missing: readonly string[]): LlamaError {
  const where = files.length === 1 ? files[0]! : `${files.length} files up to ${files.at(-1)}`;
  return new LlamaError("model", `missing tensor ${firstFew(missing)}`, {
    where,
    ...(missing[0] === HEAD && {
      fix: "If the model uses its embedding as the output matrix, set tie_word_embeddings to true in config.json",
    }),
  });
}
