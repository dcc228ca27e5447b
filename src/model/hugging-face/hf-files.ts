/** The weight files of a Hugging Face folder: one, or those its index names. Knows file names; opens no weights. */
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { shown } from "../../formats/shown.js";
import { asObject, readJsonObject } from "../json-object.js";

const INDEX = "model.safetensors.index.json";
const WHOLE = "model.safetensors";
const PART = /^model-(\d+)-of-(\d+)\.safetensors$/;
const AGAIN = "Copy or download it again";

/** Whether a folder with these names is one of Hugging Face's. */
export function isHuggingFace(names: readonly string[]): boolean {
  return names.some((name) => name === INDEX || name.endsWith(".safetensors"));
}

/** Paths of the weight files, in the order of their names. */
export function listSafetensors(dir: string, names: readonly string[]): string[] {
  const wanted = names.includes(INDEX) ? indexedNames(join(dir, INDEX)) : namesAlone(dir, names);
  for (const name of wanted) {
    if (names.includes(name)) continue;
    throw new LlamaError("model", `${name} is missing`, { where: dir, fix: AGAIN });
  }
  return wanted.sort().map((name) => join(dir, name));
}

function indexedNames(index: string): string[] {
  const { weight_map } = readJsonObject(index, AGAIN);
  const names = new Set(Object.values(asObject(weight_map, `${index}: weight_map`)));
  if (names.size === 0) throw new LlamaError("model", "weight_map is empty", { where: index, fix: AGAIN });
  return [...names].map((name) => {
    // A file beside the index and nothing else: its names come from elsewhere.
    if (typeof name === "string" && /^[\w-][\w.-]*\.safetensors$/.test(name)) return name;
    throw new LlamaError("model", "weight_map names what is no weight file of this folder", {
      where: index,
      expected: "e.g. model-00001-of-00002.safetensors, without a path",
      found: typeof name === "string" ? shown(name) : "no text",
      fix: AGAIN,
    });
  });
}

/** Without an index: the file of the usual name, all parts of a set, or the only one there is. */
function namesAlone(dir: string, names: readonly string[]): string[] {
  if (names.includes(WHOLE)) return [WHOLE];
  const files = names.filter((name) => name.endsWith(".safetensors") && !name.startsWith("."));
  const parts = files.filter((name) => PART.test(name));
  if (parts.length > 0) {
    const [, digits, of] = PART.exec(parts[0]!)!;
    const count = Math.min(Number(of), 10_000);
    return Array.from({ length: count }, (_, i) => {
      return `model-${String(i + 1).padStart(digits!.length, "0")}-of-${of}.safetensors`;
    });
  }
  if (files.length === 1) return files;
  throw new LlamaError("model", "has several .safetensors files and no index", {
    where: dir,
    expected: `${WHOLE} or ${INDEX}`,
    found: files.slice(0, 3).map(shown).join(", "),
  });
}
