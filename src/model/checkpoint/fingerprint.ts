/**
 * Computes a hash of a model's contents that is equal for copies in other folders and on other machines, and differs for other
 * weights, shapes, settings or tokenizers. Reads little: no matrix as a whole. Does not know dtypes in memory.
 */
import { createHash, type Hash } from "node:crypto";
import { type ByteSource, openFile } from "../../formats/files/byte-source.js";
import type { StorageLocation } from "../../formats/tensor/stored-tensor.js";
import type { Vocabulary } from "../../tokenizer/tokenizer.js";
import type { Checkpoint } from "./checkpoint.js";

/** Changes when the hash covers something else. */
const VERSION = 1;
/** A storage of at most this size, such as a norm, is hashed as a whole; of others, samples. */
const WHOLE_BYTES = 128 << 10;
const SAMPLES = 4;
const SAMPLE_BYTES = 4096;
const CHUNK_BYTES = 1 << 20;

/** The tokenizer of a model: its file, and what was made of it and of the files beside it. */
export interface TokenizerContents {
  path: string;
  vocabulary: Vocabulary;
}

/**
 * SHA-256 in hexadecimal digits of: the config; name, type, shape and place of all tensors, in their order; sizes of the files;
 * the CRC-32 of each storage where the container has one (zip); else the header of each file, every storage of up to 128 KiB
 * (norms, biases) and four samples of 4 KiB of each larger one; the tokenizer's file and what the files beside it change in it.
 * Throws LlamaError (model) if a file cannot be read.
 */
export function fingerprint(checkpoint: Checkpoint, tokenizer: TokenizerContents): string {
  const hash = createHash("sha256");
  const { config, seed, tensors } = checkpoint;
  const files = new FileHashes(hash);
  add(hash, { version: VERSION, config, seed });
  try {
    for (const { name, shape, axis, pieces } of tensors.values()) {
      add(hash, [name, shape, axis]);
      for (const { start, end, entry } of pieces) {
        const { file, ...place } = entry.storage;
        const { dtype, shape, strides, storageOffset } = entry;
        add(hash, [start, end, dtype, shape, strides, storageOffset, place, files.number(file)]);
        files.storage(entry.storage);
      }
    }
    files.headers();
    add(hash, vocabularyOf(tokenizer.vocabulary));
    // In a GGUF file the tokenizer is in the header.
    if (!files.has(tokenizer.path)) files.whole(tokenizer.path);
  } finally {
    files.close();
  }
  return hash.digest("hex");
}

function add(hash: Hash, value: unknown): void {
  hash.update(JSON.stringify(value)).update("\n");
}

/** As plain data, without what depends on the place of the file. */
function vocabularyOf(vocabulary: Vocabulary): unknown {
  const { kind, units, vocabSize, bosId, addsBos, eosId, padId, tokenNames, chatTemplate } = vocabulary;
  const { stopIds, specialTokens, textTokens = new Map() } = vocabulary;
  return {
    ...{ kind, units, vocabSize, bosId, addsBos, eosId, padId, tokenNames, chatTemplate },
    ...{ stopIds: [...stopIds], specialTokens: [...specialTokens], textTokens: [...textTokens] },
  };
}

/** The weight files of a model, numbered in the order in which tensors name them, and the hash that their bytes go into. */
class FileHashes {
  readonly #hash: Hash;
  readonly #files = new Map<string, { source: ByteSource; number: number; firstByte: number; hasCrcs: boolean }>();
  readonly #seen = new Set<string>();

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  number(path: string): number {
    return this.#open(path).number;
  }

  /** Once for each storage: several tensors may be views of one. */
  storage({ file, offset, byteLength, crc32 }: StorageLocation): void {
    const opened = this.#open(file);
    opened.firstByte = Math.min(opened.firstByte, offset);
    if (crc32 !== undefined) {
      opened.hasCrcs = true;
      return;
    }
    const key = `${opened.number} ${offset}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const isWhole = byteLength <= WHOLE_BYTES;
    if (isWhole) this.#bytes(opened.source, offset, byteLength);
    for (let i = 0; i < SAMPLES && !isWhole; i++) {
      const at = Math.floor(((byteLength - SAMPLE_BYTES) * i) / (SAMPLES - 1));
      this.#bytes(opened.source, offset + at, SAMPLE_BYTES);
    }
  }

  /** Sizes of all files, and of those without checksums what is before the first tensor. */
  headers(): void {
    for (const { source, firstByte, hasCrcs } of this.#files.values()) {
      add(this.#hash, source.size);
      if (!hasCrcs) this.#bytes(source, 0, firstByte);
    }
  }

  whole(path: string): void {
    const source = openFile(path);
    try {
      this.#bytes(source, 0, source.size);
    } finally {
      source.close();
    }
  }

  close(): void {
    for (const { source } of this.#files.values()) source.close();
  }

  #open(path: string) {
    let opened = this.#files.get(path);
    if (!opened) {
      const source = openFile(path);
      opened = { source, number: this.#files.size, firstByte: source.size, hasCrcs: false };
      this.#files.set(path, opened);
    }
    return opened;
  }

  #bytes(source: ByteSource, offset: number, length: number): void {
    const end = offset + length;
    for (let at = offset; at < end; at += CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
      source.readInto(chunk, at);
      this.#hash.update(chunk);
    }
  }
}
