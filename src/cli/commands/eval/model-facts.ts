/** What an evaluation says of its model: its name, the checksums of its files, and whether it is one of the LLaMA paper's. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, resolve } from "node:path";
import { fileError } from "../../../formats/files/file-error.js";
import type { ModelFiles } from "../../../generation/loading/open-model.js";
import type { Llama } from "../../../index.js";
import type { ModelChoice } from "../../model/choose-model.js";
import { StatusLine } from "../../terminal/status-line.js";

export interface FileSum {
  file: string;
  sha256: string;
}

/** The last part of the model's path. */
export function modelName({ isDemo, ckptDir }: ModelChoice): string {
  return isDemo ? "demo" : basename(resolve(ckptDir));
}

/** Checksums of all files that the model is made of, in order. Throws the signal's reason. */
export async function fileSums(
  { checkpoint, tokenizerPath }: ModelFiles,
  signal: AbortSignal,
  isShown: boolean,
): Promise<FileSum[]> {
  const status = new StatusLine(isShown);
  const sums: FileSum[] = [];
  try {
    for (const file of new Set([...checkpoint.files, ...checkpoint.descriptions, tokenizerPath])) {
      const hash = createHash("sha256");
      status.show(`Checksum of ${basename(file)}`);
      for await (const piece of createReadStream(file, { highWaterMark: 1 << 20, signal }))
        hash.update(piece as Buffer);
      sums.push({ file: basename(file), sha256: hash.digest("hex") });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw fileError(String((error as NodeJS.ErrnoException).path ?? "model"), error, "model");
  } finally {
    status.clear();
  }
  return sums;
}

/** One checksum for all of them. */
export function identityOf(sums: readonly FileSum[]): string {
  const lines = sums.map(({ file, sha256 }) => `${sha256} ${file}\n`);
  return createHash("sha256").update(lines.join("")).digest("hex");
}

/** Shapes of LLaMA 1, which fine-tuned models of it share: width and layers. */
const SHAPES = { "7B": [4096, 32], "13B": [5120, 40], "33B": [6656, 60], "65B": [8192, 80] } as const;
/** Rows of its vocabulary, and tokens that it was trained on; Llama 2 takes more. */
const [VOCABULARY, CONTEXT] = [32_000, 2048];

/** The model of the paper that has this shape; null if none. */
export function paperModel({ config }: Pick<Llama, "config">): string | null {
  const { dim, nLayers, nHeads, nKvHeads, vocabSize, contextLength } = config;
  const isFirst = vocabSize === VOCABULARY && nHeads === nKvHeads && (contextLength ?? CONTEXT) === CONTEXT;
  const [size] = Object.entries(SHAPES).find(([, [width, layers]]) => dim === width && nLayers === layers) ?? [];
  return isFirst && size !== undefined ? size : null;
}
