/** The targets for Hugging Face's files: config.json, the header of a safetensors file, and the index of several files. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixture } from "../folders.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";
import { mutateTree } from "./json.js";
import type { Target } from "./targets.js";

const LENGTH_BYTES = 8;
const FILES = {
  safetensors: "model-00002-of-00002.safetensors",
  config: "config.json",
  index: "model.safetensors.index.json",
};

/** `readWeights` opens a folder and reads all its tensors. */
export function huggingFaceTargets(folder: string, vocabSize: number, readWeights: (dir: string) => void): Target[] {
  const healthy = fixture("odd/base-valid");
  const { tensors, config } = hfTensors(healthy, vocabSize);
  return Object.entries(FILES).map(([name, file]) => {
    const dir = writeHfFolder(join(folder, name), config, tensors, join(healthy, "tokenizer.model"), 2);
    const path = join(dir, file);
    const sample = readFileSync(path);
    return {
      name,
      make: (dice) => (name === "safetensors" ? mutateSafetensors(dice, sample) : mutateTree(dice, sample)),
      read(bytes) {
        writeFileSync(path, bytes);
        readWeights(dir);
      },
    };
  });
}

function mutateSafetensors(dice: Dice, sample: Buffer): Buffer {
  if (dice.chance(0.2)) return mutateBytes(dice, sample);
  const end = LENGTH_BYTES + Number(sample.readBigUInt64LE());
  const header = mutateTree(dice, sample.subarray(LENGTH_BYTES, end));
  const length = Buffer.alloc(LENGTH_BYTES);
  const claimed = dice.chance(0.1) ? BigInt(Math.max(0, dice.edge())) : BigInt(header.length);
  length.writeBigUInt64LE(BigInt.asUintN(64, claimed));
  return Buffer.concat([length, header, sample.subarray(end)]);
}
