/** Finds the GGUF file of a path, or all parts of one that was split, and reads their headers. Does not know tensors. */
import { basename, dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { firstFew } from "../files/amounts.js";
import { openFile, readBytes } from "../files/byte-source.js";
import { showValue } from "../files/json-value.js";
import { type GgufFile, readGguf } from "./gguf.js";

/** A path, and the names in it; null if it is a file. */
export interface GgufPlace {
  path: string;
  names: readonly string[] | null;
}

const ENDING = /\.gguf$/i;
/** The parts that llama-gguf-split writes. */
const PART = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i;
/** Files that accompany a model: the part for pictures or sound, and what it was quantised with. */
const COMPANION = /mmproj|imatrix/i;
const AGAIN = "Copy or download all parts of the model into one folder";

/** Whether a path is a GGUF file, by its name or its first bytes, or a folder with one that may be a model. */
export function hasGguf({ path, names }: GgufPlace): boolean {
  if (names !== null) return names.some(isGgufName);
  return isGgufName(basename(path)) || startsWithMagic(path);
}

/** The headers of the file, or of all parts of a split one, in order. Throws a LlamaError if it is not clear which file is meant, or one is missing or damaged. */
export function openGgufFiles({ path, names }: GgufPlace): GgufFile[] {
  const dir = names === null ? dirname(path) : path;
  const chosen = names === null ? basename(path) : chooseModel(path, names);
  const paths = partNames(chosen).map((name) => join(dir, name));
  // A file keeps the path that the user gave.
  if (names === null && paths.length === 1) paths[0] = path;
  const files = paths.map((file) => readGguf(file));
  files.forEach((file, index) => {
    checkPart(file, index, files.length);
  });
  checkTensorCount(files);
  return files;
}

function isGgufName(name: string): boolean {
  return ENDING.test(name) && !name.startsWith(".");
}

/** Programs that keep models by their checksums do not name them *.gguf. */
function startsWithMagic(path: string): boolean {
  try {
    const source = openFile(path);
    try {
      return Buffer.from(readBytes(source, 0, 4)).toString("latin1") === "GGUF";
    } finally {
      source.close();
    }
  } catch {
    return false;
  }
}

/** The only model in a folder; its companions do not count, unless there is nothing else. */
function chooseModel(dir: string, names: readonly string[]): string {
  const files = names.filter(isGgufName).sort();
  const models = files.filter((name) => !COMPANION.test(name));
  const firstParts = new Map((models.length > 0 ? models : files).map((name) => [partNames(name)[0]!, name]));
  const [name] = firstParts.values();
  if (firstParts.size === 1) return name!;
  throw new LlamaError("model", "has several GGUF models", {
    where: dir,
    expected: "one, or the path of one",
    found: firstFew([...firstParts.keys()]),
    fix: `Name one of them, for example ${join(dir, [...firstParts.keys()][0]!)}`,
  });
}

/** The names of all parts that belong to a part, or the name alone. */
function partNames(name: string): string[] {
  const [, stem, , of, ending] = PART.exec(name) ?? [];
  if (of === undefined) return [name];
  // More than any model has; a missing part is named by the reader.
  const count = Math.min(Math.max(Number(of), 1), 1000);
  return Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${of}${ending}`);
}

/** Checks that the parts are of one set, and in order: `split.no` counts from 0. */
function checkPart({ path, metadata }: GgufFile, index: number, count: number): void {
  const [number, of] = [metadata.get("split.no") ?? 0, metadata.get("split.count") ?? 0];
  const isWhole = count === 1 && (of === 0 || of === 1);
  if (isWhole || (number === index && of === count)) return;
  const part = typeof number === "number" ? String(number + 1) : showValue(number);
  const found = of === 0 ? "a whole model" : `part ${part} of ${showValue(of)}`;
  const expected = count === 1 ? "a whole model" : `part ${index + 1} of ${count}`;
  const fix = count === 1 ? "Give its parts their own names again, NAME-00001-of-0000N.gguf" : AGAIN;
  throw new LlamaError("model", "is not the part of a split model that its name says", {
    ...{ where: path, expected, found, fix },
  });
}

function checkTensorCount(files: readonly GgufFile[]): void {
  const expected = files[0]!.metadata.get("split.tensors.count");
  const found = files.reduce((sum, { tensors, unreadable }) => sum + tensors.length + unreadable.size, 0);
  if (files.length === 1 || expected === undefined || expected === found) return;
  throw new LlamaError("model", "parts do not have all tensors of the model", {
    where: files[0]!.path,
    expected: `${showValue(expected)} in total`,
    found: String(found),
    fix: AGAIN,
  });
}
