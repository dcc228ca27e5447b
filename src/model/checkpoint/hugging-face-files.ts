/** Finds the weight files of a Hugging Face folder: one file, or those that its index names. Opens no weights. */
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { asObject, readJsonObject } from "../../formats/files/json-file.js";
import { quoted } from "../../formats/files/quoted.js";

/** The two containers, the preferred one first; torch.save writes .bin. */
const KINDS = [
  { stem: "model", ending: ".safetensors" },
  { stem: "pytorch_model", ending: ".bin" },
] as const;
const AGAIN = "Copy or download it again";

/** Whether files of these names are Hugging Face's weights. */
export function hasHfWeights(names: readonly string[]): boolean {
  return kindOf(names) !== undefined;
}

/** Paths of the weight files, sorted by name; throws a LlamaError if one is missing or the choice is ambiguous. */
export function listHfFiles(dir: string, names: readonly string[]): string[] {
  const kind = kindOf(names) ?? KINDS[0];
  const index = `${kind.stem}${kind.ending}.index.json`;
  const wanted = names.includes(index) ? indexedNames(join(dir, index), kind.ending) : usualNames(dir, names, kind);
  for (const name of wanted) {
    if (names.includes(name)) continue;
    throw new LlamaError("model", `${name} is missing`, { where: dir, fix: AGAIN });
  }
  return wanted.sort().map((name) => join(dir, name));
}

type Kind = (typeof KINDS)[number];

function kindOf(names: readonly string[]): Kind | undefined {
  return KINDS.find((kind) => names.some((name) => isWeights(name, kind)));
}

/** Every .safetensors file has weights, but other files are named .bin, too. */
function isWeights(name: string, { stem, ending }: Kind): boolean {
  if (name === `${stem}${ending}.index.json`) return true;
  return name.endsWith(ending) && !name.startsWith(".") && (ending === ".safetensors" || name.startsWith(stem));
}

function indexedNames(index: string, ending: string): string[] {
  const { weight_map } = readJsonObject(index, AGAIN);
  const names = new Set(Object.values(asObject(weight_map, `${index}: weight_map`)));
  if (names.size === 0) throw new LlamaError("model", "weight_map is empty", { where: index, fix: AGAIN });
  return [...names].map((name) => {
    // Only file names in the same folder: the index is not trusted.
    if (typeof name === "string" && /^[\w-][\w.-]*$/.test(name) && name.endsWith(ending)) return name;
    throw new LlamaError("model", "weight_map names a file that cannot be a weight file of this folder", {
      where: index,
      expected: `names that end in ${ending}, without a path`,
      found: typeof name === "string" ? quoted(name) : "a value that is not text",
      fix: AGAIN,
    });
  });
}

/** Without an index: the file with the usual name, all parts of a set, or the only file. */
function usualNames(dir: string, names: readonly string[], kind: Kind): string[] {
  const whole = `${kind.stem}${kind.ending}`;
  if (names.includes(whole)) return [whole];
  const files = names.filter((name) => isWeights(name, kind));
  const [, digits, of] = files.map((name) => /^(?:pytorch_)?model-(\d+)-of-(\d+)\./.exec(name)).find(Boolean) ?? [];
  if (digits !== undefined) {
    const count = Math.min(Number(of), 10_000);
    return Array.from({ length: count }, (_, i) => {
      return `${kind.stem}-${String(i + 1).padStart(digits.length, "0")}-of-${of}${kind.ending}`;
    });
  }
  if (files.length === 1) return files;
  throw new LlamaError("model", `has several ${kind.ending} files and no index`, {
    where: dir,
    expected: `${whole} or ${whole}.index.json`,
    found: files.slice(0, 3).map(quoted).join(", "),
  });
}
