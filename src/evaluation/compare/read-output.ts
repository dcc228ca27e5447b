/** Reads the output of an evaluation, of this program or of lm-evaluation-harness: a results file and the samples beside it. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { fileError } from "../../formats/files/file-error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import { decodeText } from "../../formats/files/text.js";
import { readSamples, type Sample } from "./read-samples.js";

export interface EvalOutput {
  /** Path of the results file. */
  path: string;
  /** The model's name, with its dtype where that is known. */
  name: string;
  results: Record<string, Record<string, unknown>>;
  groups: readonly string[];
  shots: Readonly<Record<string, unknown>>;
  versions: Readonly<Record<string, unknown>>;
  higherIsBetter: Readonly<Record<string, unknown>>;
  /** What this program's results have in addition; empty in those of lm-evaluation-harness. */
  own: Record<string, unknown>;
  /** Seconds since 1970; null if unknown. */
  date: number | null;
  limit: unknown;
  /** By task; only of tasks whose samples are there. */
  samples: Map<string, Sample[]>;
}

const MAX_BYTES = 512 << 20;
const RESULTS = /^results_(.+)\.json$/;

/** `path`: a results file, or a folder with one in it or in one of its folders; of several the newest. Throws LlamaError (usage). */
export function readOutput(path: string): EvalOutput {
  const file = findResults(path);
  const json = parse(readText(file), file);
  if (!isObject(json) || !isObject(json.results)) throw notResults(file, json);
  const results: EvalOutput["results"] = {};
  for (const [task, figures] of Object.entries(json.results)) {
    if (!isObject(figures)) throw notResults(file, figures);
    results[task] = figures;
  }
  const time = RESULTS.exec(basename(file))?.[1];
  const samples = new Map<string, Sample[]>();
  for (const task of Object.keys(results)) {
    // lm-evaluation-harness writes names with other characters than these as they are.
    const path = join(dirname(file), `samples_${task}_${time}.jsonl`);
    if (isFile(path)) samples.set(task, readSamples(readText(path), path));
  }
  const object = (value: unknown) => (isObject(value) ? value : {});
  const own = object(json.llama_ts);
  const name = typeof json.model_name === "string" ? json.model_name : basename(dirname(file));
  return {
    ...{ path: file, results, samples, own, groups: Object.keys(object(json.groups)) },
    name: typeof own.dtype === "string" ? `${name} ${own.dtype}` : name,
    ...{ shots: object(json["n-shot"]), versions: object(json.versions) },
    higherIsBetter: object(json.higher_is_better),
    date: typeof json.date === "number" ? json.date : null,
    limit: object(json.config).limit ?? null,
  };
}

function findResults(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new LlamaError("usage", "no such file or folder", { where: path });
  if (stat.isFile()) return path;
  const inside = [path, ...namesIn(path).map((name) => join(path, name))].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => RESULTS.test(name))
      .map((name) => ({ folder, name })),
  );
  const folders = new Set(inside.map(({ folder }) => folder));
  if (folders.size > 1) {
    const found = [...folders].map((folder) => basename(folder)).join(", ");
    throw new LlamaError("usage", "has results of several models", {
      where: path,
      found,
      fix: "Name one of the folders",
    });
  }
  // Names end in a time, so the last is the newest.
  const newest = inside.sort((a, b) => (a.name < b.name ? -1 : 1)).at(-1);
  if (newest === undefined) {
    const fix = "llama-ts eval writes it with --output";
    throw new LlamaError("usage", "has no results", { where: path, expected: "results_TIME.json", fix });
  }
  return join(newest.folder, newest.name);
}

/** Names in a folder; empty for a file. */
function namesIn(path: string): string[] {
  try {
    return statSync(path).isDirectory() ? readdirSync(path).sort() : [];
  } catch (error) {
    throw fileError(path, error, "usage");
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function readText(path: string): string {
  try {
    return decodeText(readWhole(path, MAX_BYTES, "a file of results"), path);
  } catch (error) {
    // The reader of model files names another kind.
    if (error instanceof LlamaError) throw new LlamaError("usage", error.message, { cause: error });
    throw error;
  }
}

function parse(text: string, where: string): unknown {
  try {
    // Python writes NaN where there is no figure.
    return JSON.parse(text.replace(/(?<=: )(NaN|-?Infinity)(?=[,\n}])/g, "null"));
  } catch (cause) {
    throw new LlamaError("usage", "is not JSON", { where, found: (cause as Error).message, cause });
  }
}

function notResults(where: string, found: unknown): LlamaError {
  const expected = "an object with the key results, as llama-ts eval and lm-evaluation-harness write it";
  return new LlamaError("usage", "is not a file of results", { where, expected, found: showValue(found) });
}
