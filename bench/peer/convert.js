#!/usr/bin/env node
/**
 * Converts a checkpoint to a GGUF file of llama.cpp, with all matrices in one type.
 *   node bench/peer/convert.js --ckpt_dir DIR [--tokenizer_path FILE] --type F32|Q8_0|Q4_0 --out FILE
 * Rows of wq and wk are not permuted: llama.cpp rotates adjacent pairs in its "llama" models, as Meta does.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readSentencePieceModel } from "../../dist/src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../dist/src/formats/tokenizer/tokenizer-file.js";
import { openCheckpoint } from "../../dist/src/model/checkpoint/checkpoint.js";
import { openWeights } from "../../dist/src/model/checkpoint/weight-source.js";
import { byteLength, TYPES } from "./blocks.js";
import { tensorBytes, writeGguf } from "./gguf.js";

/** Weights converted at once: a few MB, so memory does not grow with the model. */
const CHUNK = 1 << 20;
/** Meta's files do not have the context a model was trained for; llama.cpp requires a number but does not use it. */
const CONTEXT = 4096;
const PIECE_TYPES = ["normal", "unknown", "control", "user-defined", "unused", "byte"];
const NAMES = new Map([
  ["tok_embeddings", "token_embd"],
  ["attention.wq", "attn_q"],
  ["attention.wk", "attn_k"],
  ["attention.wv", "attn_v"],
  ["attention.wo", "attn_output"],
  ["feed_forward.w1", "ffn_gate"],
  ["feed_forward.w2", "ffn_down"],
  ["feed_forward.w3", "ffn_up"],
  ["attention_norm", "attn_norm"],
  ["ffn_norm", "ffn_norm"],
  ["norm", "output_norm"],
  ["output", "output"],
]);

/** tokenizer.model in the folder or its parent folder. */
export function findTokenizer(dir) {
  const places = [join(dir, "tokenizer.model"), join(dirname(resolve(dir)), "tokenizer.model")];
  const found = places.find((path) => existsSync(path));
  if (!found) throw new Error(`no tokenizer.model in ${dir} or its parent folder; use --tokenizer_path`);
  return found;
}

/**
 * Writes the file unless it exists.
 * @returns whether it is new, the bytes of all tensors, and the bytes and number of the weights that one token reads (all except the embedding)
 */
export function convert({ ckptDir, tokenizerPath, ...rest }) {
  const tokenizer = readSentencePieceModel(readTokenizerFile(tokenizerPath));
  const checkpoint = openCheckpoint(ckptDir, tokenizer.pieces.length);
  return convertCheckpoint({ checkpoint, name: basename(resolve(ckptDir)), tokenizer, ...rest });
}

/** The same for an open checkpoint, which may be one of random numbers. */
export function convertCheckpoint({ checkpoint, name, tokenizer, type, out }) {
  if (!Object.hasOwn(TYPES, type)) {
    throw new Error(`unknown type ${type}; expected one of ${Object.keys(TYPES).join(", ")}`);
  }
  if (checkpoint.config.rotation !== "interleaved") throw new Error("expected a checkpoint with Meta's order of rows");
  if (checkpoint.config.ropeScaling) throw new Error("scaled rotation (Llama 3.1) is not supported");
  const isNew = !existsSync(out);
  const weights = openWeights(checkpoint);
  const tensors = [...checkpoint.tensors.values()].map((tensor) => {
    const { shape } = tensor;
    const kind = shape.length === 1 ? "F32" : type;
    return { name: ggufName(tensor.name), shape, type: kind, chunks: () => encoded(weights, tensor, kind) };
  });
  try {
    const metadata = [...shapeOf(checkpoint, name), ...vocabularyOf(tokenizer)];
    if (isNew) writeGguf(out, metadata, tensors);
  } finally {
    weights.close();
  }
  const read = tensors.filter(({ name }) => name !== "token_embd.weight");
  return {
    isNew,
    bytes: sum(tensors.map(tensorBytes)),
    bytesPerToken: sum(read.map(tensorBytes)),
    weightsPerToken: sum(read.map(({ shape }) => shape.reduce((a, b) => a * b))),
  };
}

function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}

function ggufName(name) {
  const [, layer, part] = /^(?:layers\.(\d+)\.)?(.+)\.weight$/.exec(name);
  const known = NAMES.get(part);
  if (!known) throw new Error(`no GGUF name for ${name}`);
  return `${layer === undefined ? "" : `blk.${layer}.`}${known}.weight`;
}

/** Yields rows of a tensor in the type of the file, as many at a time as fit. */
function* encoded(weights, tensor, type) {
  const [height, width] = tensor.shape.length === 1 ? [1, tensor.shape[0]] : tensor.shape;
  const step = Math.max(1, Math.floor(CHUNK / width));
  const values = new Float32Array(Math.min(step, height) * width);
  const bytes = new Uint8Array(byteLength(type, width) * Math.min(step, height));
  for (let start = 0; start < height; start += step) {
    const end = Math.min(height, start + step);
    const used = values.subarray(0, (end - start) * width);
    const filled = bytes.subarray(0, (end - start) * byteLength(type, width));
    weights.read(tensor.name, { start, end }, { start: 0, end: width }, used);
    TYPES[type].encode(used, filled);
    yield filled;
  }
}

function shapeOf({ config }, name) {
  return [
    ["general.architecture", "string", "llama"],
    ["general.name", "string", name],
    ["general.quantization_version", "u32", 2],
    ["llama.context_length", "u32", CONTEXT],
    ["llama.embedding_length", "u32", config.dim],
    ["llama.block_count", "u32", config.nLayers],
    ["llama.feed_forward_length", "u32", config.ffnDim],
    ["llama.rope.dimension_count", "u32", config.headDim],
    ["llama.rope.freq_base", "f32", config.ropeTheta],
    ["llama.attention.head_count", "u32", config.nHeads],
    ["llama.attention.head_count_kv", "u32", config.nKvHeads],
    ["llama.attention.layer_norm_rms_epsilon", "f32", config.normEps],
    ["llama.vocab_size", "u32", config.vocabSize],
  ];
}

function vocabularyOf({ pieces, bosId, eosId, unkId, addDummyPrefix }) {
  return [
    ["tokenizer.ggml.model", "string", "llama"],
    ["tokenizer.ggml.pre", "string", "default"],
    ["tokenizer.ggml.tokens", "string", pieces.map(({ piece }) => piece)],
    ["tokenizer.ggml.scores", "f32", pieces.map(({ score }) => score)],
    ["tokenizer.ggml.token_type", "i32", pieces.map(({ type }) => PIECE_TYPES.indexOf(type) + 1)],
    ["tokenizer.ggml.bos_token_id", "u32", bosId],
    ["tokenizer.ggml.eos_token_id", "u32", eosId],
    ["tokenizer.ggml.unknown_token_id", "u32", unkId],
    ["tokenizer.ggml.add_bos_token", "bool", true],
    ["tokenizer.ggml.add_space_prefix", "bool", addDummyPrefix],
  ];
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const string = { type: "string" };
  const { values } = parseArgs({
    options: { ckpt_dir: string, tokenizer_path: string, type: string, out: string },
  });
  if (!values.ckpt_dir || !values.type || !values.out) throw new Error("--ckpt_dir, --type and --out are required");
  const start = performance.now();
  const tokenizerPath = values.tokenizer_path ?? findTokenizer(values.ckpt_dir);
  const { bytes } = convert({ ckptDir: values.ckpt_dir, tokenizerPath, type: values.type, out: values.out });
  const seconds = (performance.now() - start) / 1000;
  console.log(`${values.out}: ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s`);
}
