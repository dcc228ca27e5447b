/** The targets of the fuzzer: for each kind of file its valid samples, how they are changed, and how they are read. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPth } from "../../src/formats/checkpoint/pth.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { readSentencePieceModel } from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTiktokenModel } from "../../src/formats/tokenizer/tiktoken-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { readSlice } from "../../src/model/checkpoint/read-slice.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { readParams, resolveConfig } from "../../src/model/config/meta-params.js";
import { memoryNeed } from "../../src/model/sizes/memory-need.js";
import { findRelease } from "../../src/model/sizes/releases.js";
import { maxRanks } from "../../src/model/split/rank-count.js";
import { openHuggingFaceTokenizer } from "../../src/tokenizer/kinds/hugging-face-tokenizer.js";
import { fixture } from "../folders.js";
import { llama2Json, llama3Json } from "../tokenizer/tokenizer-json.js";
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";
import { ggufTargets } from "./gguf.js";
import { ggufTokenizerTarget } from "./gguf-tokenizer.js";
import { huggingFaceTargets } from "./hugging-face.js";
import { mutateJson, mutateTree } from "./json.js";
import { makeLegacy } from "./legacy.js";
import { mutatePickle } from "./pickle.js";
import { mutateModel } from "./protobuf.js";
import { mutateLines } from "./tiktoken.js";
import { mutateArchive, takeApart } from "./zip.js";

export interface Target {
  name: string;
  /** Makes a changed file. */
  make(dice: Dice): Buffer;
  /** Reads it as the program would; throws a LlamaError if it is invalid. */
  read(bytes: Buffer): void;
}

const VOCABULARY = 512;

/** All targets; they write into `folder`. */
export function makeTargets(folder: string): Target[] {
  const place = (name: string, file: string) => {
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    for (const copied of ["params.json", "tokenizer.model"]) {
      cpSync(fixture(`odd/base-valid/${copied}`), join(dir, copied));
    }
    return { dir, file: join(dir, file) };
  };
  const shard = (name: string) => fixture(`${name}/consolidated.00.pth`);

  const archive = place("archive", "consolidated.00.pth");
  const archives = ["base-valid", "deflated", "zip64", "torch2-records", "one-shared-storage", "cuda-location"]
    .map((name) => shard(`odd/${name}`))
    .map((file) => takeApart(file, readFileSync(file)));
  const legacy = place("legacy", "consolidated.00.pth");
  const params = place("params", "params.json");
  const paramsFiles = [fixture("odd/base-valid/params.json"), fixture("llama1mini-fp16-mp1/params.json")];
  const models = [fixture("odd/base-valid/tokenizer.model"), fixture("own512.model")].map((file) => readFileSync(file));
  const tiktokenFile = readFileSync(fixture("llama3mini-bf16-mp1/tokenizer.model"));
  const tokenizerJsons = [
    llama2Json(fixture("own512.model")),
    llama3Json(fixture("llama3mini-bf16-mp1/tokenizer.model")),
  ].map((content) => Buffer.from(JSON.stringify(content)));
  const tokenizer = place("tokenizer", "tokenizer.model");
  const readTokenizer = (bytes: Buffer) => {
    writeFileSync(tokenizer.file, bytes);
    const file = readTokenizerFile(tokenizer.file);
    if (file.kind === "tiktoken") readTiktokenModel(file);
    else if (file.kind === "json") openHuggingFaceTokenizer(file);
    else readSentencePieceModel(file);
  };

  const readFolder = ({ dir, file }: { dir: string; file: string }, bytes: Buffer) => {
    writeFileSync(file, bytes);
    // the file alone, then as part of a model
    openPth(file);
    readWeights(dir);
  };
  return [
    {
      name: "archive",
      make: (dice) => mutateArchive(dice, dice.pick(archives)),
      read: (bytes) => readFolder(archive, bytes),
    },
    {
      name: "legacy",
      make: (dice) => {
        const file = makeLegacy(archives[0]!.files, (pickle) =>
          dice.chance(0.6) ? mutatePickle(dice, pickle) : pickle,
        );
        return dice.chance(0.4) ? mutateBytes(dice, file) : file;
      },
      read: (bytes) => readFolder(legacy, bytes),
    },
    {
      name: "params",
      make: (dice) => mutateJson(dice, readFileSync(dice.pick(paramsFiles))),
      read(bytes) {
        writeFileSync(params.file, bytes);
        useConfig(resolveConfig(readParams(params.dir), VOCABULARY));
      },
    },
    {
      name: "tokenizer",
      make: (dice) => mutateModel(dice, dice.pick(models)),
      read: readTokenizer,
    },
    {
      name: "tiktoken",
      make: (dice) => mutateLines(dice, tiktokenFile),
      read: readTokenizer,
    },
    {
      name: "tokenizer.json",
      make: (dice) => mutateTree(dice, dice.pick(tokenizerJsons)),
      read: readTokenizer,
    },
    ...huggingFaceTargets(folder, VOCABULARY, readWeights),
    ...ggufTargets(folder, VOCABULARY, readWeights),
    ggufTokenizerTarget(folder),
  ];
}

/** Opens a folder and reads all numbers of its tensors. */
function readWeights(dir: string): void {
  const { tensors } = openCheckpoint(dir, VOCABULARY);
  const reader = new TensorReader();
  try {
    for (const tensor of tensors.values()) {
      const [height, width] = tensor.shape.length === 1 ? [1, tensor.shape[0]!] : (tensor.shape as [number, number]);
      const out = new Float32Array(height * width);
      readSlice(reader, tensor, { start: 0, end: height }, { start: 0, end: width }, out);
    }
  } finally {
    reader.close();
  }
}

/** Uses a config as the program does before it reads any tensor. */
function useConfig(config: ModelConfig): void {
  findRelease(config);
  const most = maxRanks(config);
  for (const ranks of new Set([1, Math.min(2, most), Math.min(8, most)])) {
    for (const dtype of ["fp32", "int4"] as const) {
      const { total } = memoryNeed(config, ranks, dtype, 2048, 256);
      if (!Number.isFinite(total) || total <= 0) throw new Error(`an estimate of ${total} bytes`);
    }
  }
}
