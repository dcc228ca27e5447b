/** Opens a path by its checkpoint format, the first that fits; explains a path without any. */
import { basename, dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { stampOf } from "../../formats/files/file-stamp.js";
import { type CheckpointPath, listPath, namesIn } from "../place/folder.js";
import { downloadAdvice, findInHub, isHubModel, modelsOfHub, snapshotOf } from "../place/hub-cache.js";
import { noCheckpoint } from "../place/other-folders.js";
import type { CheckpointFormat, OpenedCheckpoint } from "./checkpoint-format.js";
import { ggufFormat } from "./gguf-format.js";
import { huggingFaceFormat } from "./hugging-face-format.js";
import { metaFormat } from "./meta-format.js";

/** The first format whose files are complete is used. Without one, the first with weights is, whose error names the missing file. */
const FORMATS: readonly CheckpointFormat[] = [metaFormat, huggingFaceFormat, ggufFormat];

/**
 * Reads the description of the model at a path: a folder, a file, a model's folder in the cache of huggingface_hub, or its id
 * there. Throws a LlamaError if there is no model of a known format.
 */
export function openPath(path: string): OpenedCheckpoint {
  const place = findPlace(path);
  const format = formatOf(place);
  if (format !== undefined) {
    const opened = format.open(place);
    return { ...opened, stamps: [...opened.descriptions, ...opened.files].map(stampOf) };
  }
  if (place.names !== null) throw noCheckpoint(place.path, place.names, candidates(place));
  const fix = `Name the folder that contains the checkpoint, for example ${dirname(path)}`;
  throw new LlamaError("model", "is neither a folder nor a GGUF file", { where: path, fix });
}

function findPlace(path: string): CheckpointPath {
  const place = listPath(path);
  if (place !== null) {
    const isRoot = isHubModel(place.names ?? []) && formatOf(place) === undefined;
    return isRoot ? listedSnapshot(snapshotOf(path)) : place;
  }
  const snapshot = findInHub(path);
  if (snapshot !== null) return listedSnapshot(snapshot);
  const fix = downloadAdvice(path);
  const problem = /\.gguf$/i.test(path) ? "no such file" : "checkpoint folder does not exist";
  throw new LlamaError("model", problem, { where: path, ...(fix !== null && { fix }) });
}

function listedSnapshot(path: string): CheckpointPath {
  return listPath(path) ?? { path, names: [] };
}

function formatOf(place: CheckpointPath): CheckpointFormat | undefined {
  const matches = FORMATS.map((format) => ({ format, match: format.detect(place) }));
  const found = matches.find(({ match }) => match === "complete") ?? matches.find(({ match }) => match === "partial");
  return found?.format;
}

/** Paths with a checkpoint: folders inside, models of a cache, and the other snapshots of the same model. */
function candidates(place: CheckpointPath): string[] {
  const { path, names } = place;
  const parent = dirname(path);
  const others = basename(parent) === "snapshots" ? namesIn(parent).map((name) => join(parent, name)) : [];
  const inside = (names ?? []).map((name) => join(path, name));
  return [...[...inside, ...others].filter(hasCheckpoint), ...modelsOfHub(place)];
}

function hasCheckpoint(path: string): boolean {
  const names = namesIn(path);
  return names.length > 0 && formatOf({ path, names }) !== undefined;
}
