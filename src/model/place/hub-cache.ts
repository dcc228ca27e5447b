/** Finds models in the cache of huggingface_hub: by their id, or by a folder of the cache. Does not download, and opens only refs/main. */
import { homedir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { LlamaError } from "../../error.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { listed } from "./candidates.js";
import { type CheckpointPath, namesIn } from "./folder.js";

/** Folders of models in the cache; the rest of the name is the id with "--" for "/". */
const MODEL = "models--";
const SNAPSHOTS = "snapshots";
/** The name of a commit has 40 characters. */
const MAX_REF_BYTES = 1024;
/** An id of the hub: "owner/name", or "name" for the oldest models (huggingface_hub, REPO_ID_REGEX). */
const ID = /^(?!.*(?:--|\.\.))(?:\w[\w.-]{0,95}\/)?\w[\w.-]{0,95}$/;

/** The cache's folder (huggingface_hub, constants.py). */
export function hubFolder(variables: NodeJS.ProcessEnv = env): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = variables;
  const given = HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE;
  if (given) return atHome(given);
  const home = HF_HOME
    ? atHome(HF_HOME)
    : join(XDG_CACHE_HOME ? atHome(XDG_CACHE_HOME) : join(homedir(), ".cache"), "huggingface");
  return join(home, "hub");
}

/** The snapshot of a model by its id; null if the text is not an id, or the cache does not have the model. */
export function findInHub(id: string, hub = hubFolder()): string | null {
  if (!ID.test(id)) return null;
  const folder = join(hub, MODEL + id.replace("/", "--"));
  return isHubModel(namesIn(folder)) ? snapshotOf(folder) : null;
}

/** What to do about an id that the cache does not have; null for a text that is a path rather than an id. */
export function downloadAdvice(id: string, hub = hubFolder()): string | null {
  if (!ID.test(id) || !id.includes("/")) return null;
  return `If it is the id of a model, the cache ${hub} does not have it: run "hf download ${id}" first`;
}

/** Whether a folder with these names is that of a model in a cache. */
export function isHubModel(names: readonly string[]): boolean {
  return names.includes(SNAPSHOTS) || (names.includes("blobs") && names.includes("refs"));
}

/** The folders of models in a folder that is a cache, or has one in `hub`. */
export function modelsOfHub({ path, names }: CheckpointPath): string[] {
  const models = (folder: string, inside: readonly string[]) =>
    inside.filter((name) => name.startsWith(MODEL)).map((name) => join(folder, name));
  const inner = (names ?? []).includes("hub") ? join(path, "hub") : null;
  return [...models(path, names ?? []), ...(inner === null ? [] : models(inner, namesIn(inner)))];
}

/** The snapshot of a model's folder: that of refs/main, or the only one. Throws a LlamaError if neither exists. */
export function snapshotOf(folder: string): string {
  const root = join(folder, SNAPSHOTS);
  const names = namesIn(root).filter((name) => !name.startsWith("."));
  const main = mainOf(folder);
  if (main !== null && names.includes(main)) return join(root, main);
  if (names.length === 1) return join(root, names[0]!);
  const problem =
    names.length === 0 ? "has no snapshot of the model" : "has several snapshots and does not say which is the model";
  throw new LlamaError("model", problem, {
    where: folder,
    expected: "refs/main and the snapshot that it names",
    ...(names.length > 0 && { fix: `Name one of them: ${listed(names.map((name) => join(root, name)))}` }),
    ...(names.length === 0 && { fix: "Download the model again" }),
  });
}

function mainOf(folder: string): string | null {
  try {
    return Buffer.from(readWhole(join(folder, "refs", "main"), MAX_REF_BYTES, "a reference"))
      .toString("latin1")
      .trim();
  } catch {
    return null;
  }
}

function atHome(path: string): string {
  return path.replace(/^~(?=[/\\]|$)/, homedir());
}
