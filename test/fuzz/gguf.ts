/** The targets for GGUF: the header of a whole model, and a file with every type of tensor. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readGguf } from "../../src/formats/gguf/gguf.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { fixture } from "../folders.js";
import { GGUF_TYPE, type GgufParts, type GgufTensor, ggufBytes } from "../formats/gguf-file.js";
import { type GgufModel, ggufModel } from "../model/gguf-model.js";
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";
import type { Target } from "./targets.js";

/** `readWeights` opens a model and reads all its tensors. */
export function ggufTargets(folder: string, vocabSize: number, readWeights: (path: string) => void): Target[] {
  const dir = join(folder, "gguf");
  mkdirSync(dir, { recursive: true });
  const path = join(dir, "model.gguf");
  const model = ggufModel(fixture("odd/base-valid"), vocabSize, "F16");
  model.metadata.set("tokenizer.ggml.model", "llama");
  model.metadata.set("tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", "a"]);
  model.metadata.set("tokenizer.ggml.scores", { type: "float32", value: [0, 0, 0, -1] });
  model.metadata.set("nested", [[1], [2]]);
  const types = readFileSync(fixture("gguf/every-type.gguf"));
  return [
    {
      name: "gguf",
      make: (dice) => mutateModel(dice, model),
      read(bytes) {
        writeFileSync(path, bytes);
        readWeights(isByFolder(bytes) ? dir : path);
      },
    },
    {
      name: "gguf types",
      make: (dice) => mutateHeader(dice, types),
      read(bytes) {
        writeFileSync(path, bytes);
        readEverything(path);
      },
    },
  ];
}

/** Some files are opened by their folder: which, follows from their bytes, so that a failure can be repeated. */
function isByFolder(bytes: Buffer): boolean {
  return bytes.length % 2 === 0;
}

/** The first quarter is the header. */
function mutateHeader(dice: Dice, bytes: Buffer): Buffer {
  const length = dice.chance(0.8) ? 1200 : bytes.length;
  return Buffer.concat([mutateBytes(dice, bytes.subarray(0, length)), bytes.subarray(length)]);
}

function mutateModel(dice: Dice, { metadata, tensors }: GgufModel): Buffer {
  let pairs = [...metadata];
  let list = tensors.map((tensor) => ({ ...tensor }));
  const parts: GgufParts = {};
  for (let count = 1 + dice.below(3); count > 0; count--) {
    const at = dice.below(pairs.length);
    switch (dice.below(8)) {
      case 0:
        pairs[at] = [pairs[at]![0], value(dice)];
        break;
      case 1:
        pairs.push([dice.chance(0.5) ? pairs[at]![0] : dice.pick(KEYS), value(dice)]);
        break;
      case 2:
        pairs = pairs.filter(() => dice.chance(0.95));
        break;
      case 3:
        list = dice.chance(0.5) ? list.filter(() => dice.chance(0.95)) : [...list, dice.pick(list)];
        break;
      case 4:
        if (dice.chance(0.5)) parts.tensorCount = BigInt.asUintN(64, BigInt(dice.edge()));
        else parts.keyCount = BigInt.asUintN(64, BigInt(dice.edge()));
        break;
      case 5:
        if (dice.chance(0.3)) parts.version = Math.abs(dice.edge()) % 2 ** 32;
        break;
      default:
        mutateTensor(dice, dice.pick(list));
    }
    if (pairs.length === 0) break;
  }
  const bytes = ggufBytes(pairs, list, parts);
  return dice.chance(0.3) ? mutateBytes(dice, bytes) : bytes;
}

function mutateTensor(dice: Dice, tensor: GgufTensor): void {
  const size = () => Math.min(Math.abs(dice.edge()), 2 ** 53);
  switch (dice.below(4)) {
    case 0:
      tensor.type = dice.chance(0.8) ? dice.below(45) : Math.abs(dice.edge()) % 2 ** 32;
      break;
    case 1:
      tensor.shape = tensor.shape.map((old) => (dice.chance(0.5) ? size() : old));
      break;
    case 2:
      tensor.shape = dice.chance(0.5) ? [...tensor.shape, size()] : tensor.shape.slice(1);
      break;
    default:
      tensor.offset = dice.chance(0.5) ? size() : 32 * dice.below(4000);
  }
}

const KEYS = [
  ...["general.alignment", "general.architecture", "general.type", "split.count", "split.no", "llama.expert_count"],
  ...["llama.attention.key_length", "llama.rope.scaling.type", "llama.rope.scaling.factor", "split.tensors.count"],
  ...["llama.attention.sliding_window", "llama.rope.scaling.original_context_length", "x".repeat(300), "", "__proto__"],
];

function value(dice: Dice): unknown {
  const types = Object.keys(GGUF_TYPE).filter((name) => name !== "array" && name !== "text");
  const type = dice.pick(types);
  const isLong = type === "uint64" || type === "int64";
  const number = () => (isLong ? BigInt(dice.edge()) : dice.edge() * dice.pick([1, 1, -1, 0.5]));
  const fits = (one: number | bigint) => (isLong ? BigInt.asUintN(63, one as bigint) : one);
  switch (dice.below(5)) {
    case 0:
      return dice.pick(["", "x", "llama", "yarn", "linear", "\u0000\n", "y".repeat(dice.below(9000))]);
    case 1:
      return { type, value: Array.from({ length: 1 + dice.below(40) }, () => fits(number())) };
    case 2:
      return Array.from({ length: 1 + dice.below(4) }, () => [dice.below(9)]);
    default:
      return { type, value: fits(number()) };
  }
}

/** Reads every tensor of at most two axes, and parts from the middle of blocks. */
function readEverything(path: string): void {
  const { tensors } = readGguf(path);
  const reader = new TensorReader();
  try {
    for (const entry of tensors) {
      const [height, width] = [entry.shape.at(-2) ?? 1, entry.shape.at(-1) ?? 1];
      const rows = { start: 0, end: Math.min(height, 100) };
      for (const columns of [
        { start: 0, end: Math.min(width, 4096) },
        { start: Math.min(width, 5), end: Math.min(width, 70) },
      ]) {
        const out = new Float32Array((rows.end - rows.start) * (columns.end - columns.start));
        reader.readRegion(entry, rows, columns, out);
      }
    }
  } finally {
    reader.close();
  }
}
