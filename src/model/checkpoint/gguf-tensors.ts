/** Maps the tensors of GGUF files to Meta's: names, a tied embedding, types that cannot be read. Reads no numbers but the factors of rotation. */
import { LlamaError } from "../../error.js";
import { firstFew, plural } from "../../formats/files/amounts.js";
import type { GgufFile } from "../../formats/gguf/gguf.js";
import { READABLE_TYPES } from "../../formats/gguf/gguf-types.js";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import { TensorReader } from "../../formats/tensor/tensor-reader.js";
import { MATRICES } from "../architecture/matrices.js";
import { storedFormat } from "../architecture/stored-blocks.js";
import { ggufName, TENSORS, type TensorKind, tensorTable } from "../architecture/tensor-table.js";
import type { ModelConfig, StoredFormat } from "../config/config.js";
import type { CheckpointTensors } from "./checkpoint-format.js";
import { type ModelTensor, sameShape, showShape } from "./model-tensor.js";

const EMBEDDING = ggufName(TENSORS.embedding, 0);
const HEAD = ggufName(TENSORS.output, 0);
const FACTORS = "rope_freqs.weight";
/** Rotation frequencies, which are computed instead. */
const COMPUTED = /^(?:blk\.\d+\.)?(?:rope_freqs|attn_rot_embd)\.weight$/;

/** All tensors of a model by name, from one or several files. */
export class GgufTensors {
  readonly #files: readonly GgufFile[];
  readonly #entries = new Map<string, StoredTensor>();
  /** GGUF's type of the tensors that cannot be read. */
  readonly #unreadable = new Map<string, string>();

  /** Throws a LlamaError if a tensor is in two files. */
  constructor(files: readonly GgufFile[]) {
    this.#files = files;
    for (const { path, tensors, unreadable } of files) {
      for (const entry of tensors) {
        this.#checkNew(path, entry.name);
        this.#entries.set(entry.name, entry);
      }
      for (const [name, type] of unreadable) {
        this.#checkNew(path, name);
        this.#unreadable.set(name, type);
      }
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name) || this.#unreadable.has(name);
  }

  /** The embedding, whose rows are the vocabulary. Throws a LlamaError if it is missing or cannot be read. */
  embedding(): StoredTensor {
    return this.#find([EMBEDDING]).get(EMBEDDING)!;
  }

  /** The divisors of frequencies, [headDim / 2]; null if the files do not have them. */
  ropeFactors(): Float32Array | null {
    if (!this.has(FACTORS)) return null;
    const entry = this.#find([FACTORS]).get(FACTORS)!;
    const length = entry.shape[0] ?? 0;
    // Half of a head: a larger one is wrong, and is not read.
    if (entry.shape.length !== 1 || length > 1024) return new Float32Array(0);
    const factors = new Float32Array(length);
    const reader = new TensorReader();
    try {
      reader.readRegion(entry, { start: 0, end: 1 }, { start: 0, end: length }, factors);
    } finally {
      reader.close();
    }
    return factors;
  }

  /** The matrices whose tensors can all be handed on in blocks, in every layer; a stack of several types has the most bits of them. */
  storedBlocks(config: ModelConfig): Record<string, StoredFormat> {
    const stored: Record<string, StoredFormat> = {};
    for (const { name, tensors } of Object.values(MATRICES)) {
      const kinds = new Set<TensorKind>(tensors);
      const entries = tensorTable(config)
        .filter(({ kind }) => kinds.has(kind))
        .map(({ ggufName }) => this.#entries.get(ggufName === HEAD && !this.has(HEAD) ? EMBEDDING : ggufName));
      const format = entries.includes(undefined) ? null : storedFormat(entries.map((entry) => entry!.dtype));
      if (format !== null) stored[name] = format;
    }
    return stored;
  }

  /** The tensors of the config; without an output matrix, the embedding is it. Throws a LlamaError if one is missing or has another shape, or one is left over. */
  ofModel(config: ModelConfig): CheckpointTensors {
    const isTied = !this.has(HEAD);
    const table = tensorTable(config).map((spec) => {
      return { spec, stored: isTied && spec.kind === TENSORS.output ? EMBEDDING : spec.ggufName };
    });
    const known = new Set(table.map(({ stored }) => stored));
    const extra = [...this.#entries.keys(), ...this.#unreadable.keys()].filter((name) => {
      return !known.has(name) && !COMPUTED.test(name);
    });
    if (extra.length > 0) throw this.#unknown(extra);
    const entries = this.#find([...known]);
    const tensors = table.map(({ spec: { name, shape }, stored }): [string, ModelTensor] => {
      const entry = entries.get(stored)!;
      if (!sameShape(entry.shape, shape)) {
        throw new LlamaError("model", "shape does not fit the metadata", {
          where: `${entry.storage.file}: ${stored}`,
          expected: showShape(shape),
          found: showShape(entry.shape),
        });
      }
      return [name, { name, shape, axis: null, pieces: [{ start: 0, end: shape[0]!, entry }] }];
    });
    const container = `version ${this.#files[0]!.version}`;
    return { container, tensors: new Map(tensors), unexpected: [], differing: [] };
  }

  /** The entries of names that must be there and be readable. */
  #find(names: readonly string[]): ReadonlyMap<string, StoredTensor> {
    const missing = names.filter((name) => !this.has(name));
    if (missing.length > 0) {
      const where = this.#where();
      if (this.#entries.size + this.#unreadable.size > 0) {
        throw new LlamaError("model", `missing tensor ${firstFew(missing)}`, { where });
      }
      const fix = "Name the GGUF file of a whole model";
      throw new LlamaError("model", "has no tensors: it is a vocabulary without a model", { where, fix });
    }
    const types = names.map((name) => this.#unreadable.get(name)).filter((type) => type !== undefined);
    if (types.length === 0) return this.#entries;
    const name = names.find((name) => this.#unreadable.has(name))!;
    const others = types.length === 1 ? "" : ` and ${plural(types.length - 1, "other tensor")}`;
    throw new LlamaError("model", `${name}${others}: type ${[...new Set(types)].join(", ")} is not supported`, {
      where: this.#where(),
      expected: READABLE_TYPES.join(", "),
      fix: "Use the model in another quantisation, for example Q4_K_M, Q6_K or Q8_0",
    });
  }

  /** Tensors that the architecture does not have: what they do to the computation is not known. */
  #unknown(names: readonly string[]): LlamaError {
    const isExperts = names.some((name) => /_exps|_shexp|gate_inp/.test(name));
    const problem = isExperts ? "is a mixture of experts" : "has tensors that a model of its kind does not have";
    return new LlamaError("model", problem, {
      where: this.#where(),
      found: firstFew(names),
      fix: "Only dense text models can be loaded",
    });
  }

  #checkNew(file: string, name: string): void {
    if (!this.has(name)) return;
    const found = this.#entries.get(name)?.storage.file;
    const where = `${file}: ${name}`;
    throw new LlamaError("model", "tensor is also in another file", { where, ...(found !== undefined && { found }) });
  }

  #where(): string {
    const [first, last] = [this.#files[0]!.path, this.#files.at(-1)!.path];
    return this.#files.length === 1 ? first : `${this.#files.length} files up to ${last}`;
  }
}
