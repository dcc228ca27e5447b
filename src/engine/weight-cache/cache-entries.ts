/** The finished folders of the weight cache: lists them, says which can still be used, and removes some or all. Does not read weights. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import {
  type CacheAbout,
  discardCache,
  isAbandoned,
  isCacheWhole,
  isOfThisVersion,
  type Manifest,
  readManifest,
} from "./cache-folder.js";
import { type SourceState, sourceState } from "./source-files.js";

const FOLDER = /^[0-9a-f]{32}$/;
/** Fewer characters do not name an entry. */
const MIN_KEY = 4;

/** One folder of the weight cache. */
export interface CacheEntry extends Pick<Manifest, "checkpoint" | "dtype" | "worldSize" | "bytes" | "created"> {
  /** Name of the folder. */
  key: string;
  folder: string;
  /** Only a "current" entry can be used: its checkpoint, this version and its own files are unchanged. */
  state: SourceState | "other version" | "damaged";
}

/** All entries, largest first. A damaged one may have no values but its key. */
export function listCache(root: string): CacheEntry[] {
  const names = existsSync(root) ? readdirSync(root) : [];
  const entries = names.filter((name) => FOLDER.test(name)).map((name) => entryOf(join(root, name)));
  return entries.sort((a, b) => b.bytes - a.bytes);
}

/** Entries that `name` means: the start of a key, a folder of the cache, or the path of a checkpoint. */
export function findEntries(root: string, name: string): CacheEntry[] {
  const path = resolve(name);
  const isKey = name.length >= MIN_KEY && /^[0-9a-f]+$/.test(name);
  return listCache(root).filter(
    ({ key, folder, checkpoint }) =>
      (isKey && key.startsWith(name)) || resolve(folder) === path || checkpoint === name || checkpoint === path,
  );
}

/** Removes the entries that no start can use again, and what ended processes left unfinished. Returns the entries. */
export function pruneCache(root: string): CacheEntry[] {
  const entries = listCache(root).filter(({ state }) => state !== "current");
  for (const { folder } of entries) discardCache(folder);
  removeUnfinished(root);
  return entries;
}

/** Removes all folders of the cache except those still being written, and nothing else. Returns the number of folders and their bytes. */
export function clearCache(root: string): { folders: number; bytes: number } {
  const entries = listCache(root);
  for (const { folder } of entries) discardCache(folder);
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  return { folders: entries.length + removeUnfinished(root), bytes };
}

/** Removes the entries of the same checkpoint, type and ranks that `folder` takes the place of, because the files have changed. */
export function dropSuperseded(root: string, folder: string, about: CacheAbout): void {
  for (const entry of listCache(root)) {
    const isSame = (["checkpoint", "dtype", "worldSize"] as const).every((key) => entry[key] === about[key]);
    if (!isSame || entry.key === basename(folder) || entry.state !== "changed") continue;
    try {
      discardCache(entry.folder);
    } catch {
      // `cache prune` reports what cannot be removed.
    }
  }
}

function entryOf(folder: string): CacheEntry {
  const manifest = readManifest(folder);
  const { checkpoint = "", dtype = "", worldSize = 0, bytes = 0, created = "" } = manifest ?? {};
  const state =
    manifest === null
      ? "damaged"
      : !isOfThisVersion(manifest)
        ? "other version"
        : isCacheWhole(folder)
          ? sourceState(manifest.sources)
          : "damaged";
  return { key: basename(folder), folder, checkpoint, dtype, worldSize, bytes, created, state };
}

/** Removes what ended processes left unfinished; returns the number of folders. */
function removeUnfinished(root: string): number {
  const names = existsSync(root) ? readdirSync(root).filter((name) => isAbandoned(root, name)) : [];
  for (const name of names) discardCache(join(root, name));
  return names.length;
}
