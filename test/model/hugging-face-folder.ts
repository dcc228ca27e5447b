/** Writes one of Meta's checkpoints as a Hugging Face folder, as transformers' convert_llama_weights_to_hf.py does. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPth } from "../../src/formats/checkpoint/pth.js";
import { openFile, readBytes } from "../../src/formats/files/byte-source.js";
import { hfName, TENSORS, tensorName } from "../../src/model/architecture/tensor-table.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { makeZip } from "../formats/sample-files.js";
import { takeApart } from "../fuzz/zip.js";

/** Hugging Face's name of each of Meta's tensors, for models of up to 100 layers. */
const HF_NAMES: ReadonlyMap<string, string> = new Map(
  Object.values(TENSORS).flatMap((kind) =>
    Array.from({ length: 100 }, (_, layer) => [tensorName(kind, layer), hfName(kind, layer)] as const),
  ),
);

export interface StoredTensor {
  name: string;
  shape: readonly number[];
  data: Uint8Array;
  /** As safetensors names it; without it that of the file. */
  dtype?: string;
}

/** The bytes of a safetensors file. */
export function safetensors(dtype: string, tensors: readonly StoredTensor[]): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const { name, shape, data, dtype: own = dtype } of tensors) {
    header[name] = { dtype: own, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  return withHeader(JSON.stringify(header), Buffer.concat(tensors.map(({ data }) => data)));
}

/** A file with any header, valid or not. */
export function withHeader(header: string, data: Uint8Array = new Uint8Array(), length = header.length): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([prefix, Buffer.from(header, "latin1"), data]);
}

/** The tensors with Hugging Face's names and its order of rows in wq and wk, as they are stored. */
export function hfTensors(metaDir: string, vocabSize: number): { tensors: StoredTensor[]; config: object } {
  const { config, tensors } = openCheckpoint(metaDir, vocabSize);
  const { headDim } = config;
  const stored = [...tensors.values()].map(({ name, shape, pieces }): StoredTensor => {
    const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : (shape as [number, number]);
    const rowBytes = columns * 2;
    const { storage, storageOffset } = pieces[0]!.entry;
    const file = openFile(storage.file);
    const data = readBytes(file, storage.offset + storageOffset * 2, rows * rowBytes);
    file.close();
    if (!/attention\.w[qk]/.test(name)) return { name: HF_NAMES.get(name)!, shape, data };
    // w.view(heads, headDim / 2, 2, dim).transpose(1, 2)
    const permuted = new Uint8Array(data.length);
    let to = 0;
    for (let head = 0; head < rows / headDim; head++) {
      for (const p of [0, 1]) {
        for (let j = 0; j < headDim / 2; j++, to++) {
          const from = head * headDim + 2 * j + p;
          permuted.set(data.subarray(from * rowBytes, (from + 1) * rowBytes), to * rowBytes);
        }
      }
    }
    return { name: HF_NAMES.get(name)!, shape, data: permuted };
  });
  const { ropeScaling: scaling } = config;
  return {
    tensors: stored,
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_act: "silu",
      hidden_size: config.dim,
      intermediate_size: config.ffnDim,
      num_hidden_layers: config.nLayers,
      num_attention_heads: config.nHeads,
      num_key_value_heads: config.nKvHeads,
      rms_norm_eps: config.normEps,
      rope_theta: config.ropeTheta,
      rope_scaling:
        scaling?.kind !== "llama3"
          ? null
          : {
              rope_type: "llama3",
              factor: scaling.factor,
              low_freq_factor: scaling.lowFreqFactor,
              high_freq_factor: scaling.highFreqFactor,
              original_max_position_embeddings: scaling.oldContext,
            },
      max_position_embeddings: 2048,
      vocab_size: config.vocabSize,
      tie_word_embeddings: false,
    },
  };
}

/** The bytes of one of Meta's files with Hugging Face's names, as in pytorch_model.bin. The rows keep Meta's order. */
export function renamedPth(file: string): Buffer {
  const { files } = takeApart(file, readFileSync(file));
  const pickle = Object.keys(files).find((name) => name.endsWith("/data.pkl"))!;
  // BINUNICODE: X, four bytes of length, text
  const text = (name: string) => `X${String.fromCharCode(name.length)}\0\0\0${name}`;
  let bytes = files[pickle]!.toString("latin1");
  for (const { name } of openPth(file)) bytes = bytes.replaceAll(text(name), text(HF_NAMES.get(name)!));
  return makeZip({ ...files, [pickle]: Buffer.from(bytes, "latin1") });
}

/** Writes a folder with one weight file, or with an index and `fileCount` weight files. */
export function writeHfFolder(
  dir: string,
  config: object,
  tensors: readonly StoredTensor[],
  tokenizer: string,
  fileCount = 1,
  dtype = "BF16",
): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "config.json"), JSON.stringify(config));
  copyFileSync(tokenizer, join(dir, "tokenizer.model"));
  if (fileCount === 1) writeFileSync(join(dir, "model.safetensors"), safetensors(dtype, tensors));
  else {
    const weight_map: Record<string, string> = {};
    for (let i = 0; i < fileCount; i++) {
      const file = `model-0000${i + 1}-of-0000${fileCount}.safetensors`;
      const part = tensors.filter((_, index) => index % fileCount === i);
      for (const { name } of part) weight_map[name] = file;
      writeFileSync(join(dir, file), safetensors(dtype, part));
    }
    writeFileSync(join(dir, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
  }
  return dir;
}
