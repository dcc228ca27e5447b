/** Finds the weight files of a Hugging Face folder, the same that transformers 5 would take. Opens no weights. */
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { asObject, readJsonObject } from "../../formats/files/json-file.js";
import { quoted } from "../../formats/files/quoted.js";

/** The two containers, the preferred one first; torch.save writes .bin. */
const KINDS = [
  { stem: "model", ending: ".safetensors" },
  { stem: "pytorch_model", ending: ".bin" },
] as const;
const INDEX = ".index.json";
const AGAIN = "Copy or download it again";

type Kind = (typeof KINDS)[number];

/** Whether files of these names are Hugging Face's weights. */
export function hasHfWeights(names: readonly string[]): boolean {
  return KINDS.some((kind) => names.some((name) => isWeights(name, kind)));
}

/**
 * Paths of the weight files, sorted by name: the single file before an index, safetensors before .bin (transformers,
 * _get_resolved_checkpoint_files); `chosen` is the file or index that config.json names (transformers_weights). Folders without
 * these names may have all parts of a set, or one file of any name. Throws a LlamaError if a file is missing or the choice is ambiguous.
 */
export function listHfFiles(dir: string, names: readonly string[], chosen?: string): string[] {
  const wanted = wantedNames(dir, names, chosen);
  for (const name of wanted) {
    if (names.includes(name)) continue;
    throw new LlamaError("model", `${name} is missing`, { where: dir, fix: AGAIN });
  }
  return wanted.sort().map((name) => join(dir, name));
}

function wantedNames(dir: string, names: readonly string[], chosen?: string): string[] {
  if (chosen !== undefined) {
    const { ending } = KINDS[0];
    return chosen.endsWith(INDEX) ? indexedNames(join(dir, chosen), ending) : [chosen];
  }
  for (const { stem, ending } of KINDS) {
    const whole = `${stem}${ending}`;
    if (names.includes(whole)) return [whole];
    if (names.includes(`${whole}${INDEX}`)) return indexedNames(join(dir, `${whole}${INDEX}`), ending);
  }
  return otherNames(dir, names, KINDS.find((kind) => names.some((name) => isWeights(name, kind))) ?? KINDS[0]);
}

/** Every .safetensors file has weights, but other files are named .bin, too. The weights of an adapter are not a model's. */
function isWeights(name: string, { stem, ending }: Kind): boolean {
  if (name === `${stem}${ending}${INDEX}`) return true;
  if (!name.endsWith(ending) || name.startsWith(".") || name.startsWith("adapter_model.")) return false;
  return ending === ".safetensors" || name.startsWith(stem);
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

/** All parts of a set, or the only file. */
function otherNames(dir: string, names: readonly string[], { stem, ending }: Kind): string[] {
  const files = names.filter((name) => isWeights(name, { stem, ending } as Kind));
  const [, digits, of] = files.map((name) => /^(?:pytorch_)?model-(\d+)-of-(\d+)\./.exec(name)).find(Boolean) ?? [];
  if (digits !== undefined) {
    const count = Math.min(Number(of), 10_000);
    return Array.from({ length: count }, (_, i) => {
      return `${stem}-${String(i + 1).padStart(digits.length, "0")}-of-${of}${ending}`;
    });
  }
  if (files.length === 1) return files;
  throw new LlamaError("model", `has several ${ending} files and no index`, {
    where: dir,
    expected: `${stem}${ending} or ${stem}${ending}${INDEX}`,
    found: files.slice(0, 3).map(quoted).join(", "),
  });
}
