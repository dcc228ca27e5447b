/** The command `cache`: lists or removes the cached quantised weights. Does not read their content. */

import {
  type CacheEntry,
  clearCache,
  findEntries,
  listCache,
  pruneCache,
} from "../../../engine/weight-cache/cache-entries.js";
import { defaultCacheRoot, discardCache } from "../../../engine/weight-cache/cache-folder.js";
import { LlamaError } from "../../../error.js";
import { plural, showBytes } from "../../../formats/files/amounts.js";
import { fileError } from "../../../formats/files/file-error.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { printNote } from "../../terminal/notes.js";
import { Output } from "../../terminal/output.js";

/** Why an entry cannot be used, as `cache list` says it. */
const MARKS: Readonly<Record<CacheEntry["state"], string>> = {
  current: "",
  changed: "  (checkpoint changed)",
  gone: "  (checkpoint gone)",
  "other version": "  (of another version)",
  damaged: "  (damaged)",
};

/** Prints one line per folder, or a JSON array, to stdout. */
export async function listCommand({ json }: { json?: true | undefined }): Promise<number> {
  const root = defaultCacheRoot();
  const entries = orFileError(root, () => listCache(root));
  const output = new Output(process.stdout, () => {});
  if (json) {
    const objects = entries.map(({ worldSize, ...entry }) => ({ ...entry, world_size: worldSize }));
    await output.write(`${JSON.stringify(objects)}\n`);
    return EXIT_OK;
  }
  for (const { checkpoint, dtype, worldSize, bytes, created, folder, state } of entries) {
    const ranks = plural(worldSize, "rank");
    const line = `${showBytes(bytes).padStart(9)}  ${dtype}  ${ranks.padEnd(8)}  ${created.slice(0, 16).replace("T", " ")}  ${checkpoint}  ${folder}${MARKS[state]}\n`;
    await output.write(fitLines(line));
  }
  printNote(entries.length === 0 ? `The cache is empty (${root}).` : `${showBytes(sum(entries))} in ${root}`);
  const stale = entries.filter(({ state }) => state !== "current");
  if (stale.length > 0) {
    printNote(`${showBytes(sum(stale))} cannot be used any more: llama-ts cache prune removes it.`);
  }
  return EXIT_OK;
}

/** Removes what no start can use again. */
export function pruneCommand(): number {
  const root = defaultCacheRoot();
  const removed = orFileError(root, () => pruneCache(root));
  printNote(removed.length === 0 ? "Everything in the cache can be used." : removedLine(removed, root));
  return EXIT_OK;
}

/** Removes the entries of keys and checkpoints. Throws LlamaError (usage), and removes nothing, if a name means none or a key means several. */
export function removeCommand(names: readonly string[]): number {
  const root = defaultCacheRoot();
  const found = new Map<string, CacheEntry>();
  for (const name of names) {
    const entries = orFileError(root, () => findEntries(root, name));
    if (entries.length === 0) {
      const fix = "llama-ts cache list shows what is cached";
      throw new LlamaError("usage", "nothing is cached under this name", { where: name, fix });
    }
    const keys = entries.filter(({ key }) => key.startsWith(name));
    if (keys.length > 1) {
      throw new LlamaError("usage", "is the start of several keys", {
        where: name,
        found: keys.map(({ key }) => key).join(", "),
      });
    }
    for (const entry of entries) found.set(entry.key, entry);
  }
  const removed = [...found.values()];
  orFileError(root, () => {
    for (const { folder } of removed) discardCache(folder);
  });
  printNote(removedLine(removed, root));
  return EXIT_OK;
}

/** Removes all cached weights and prints their size. */
export function clearCommand(): number {
  const root = defaultCacheRoot();
  const { folders, bytes } = orFileError(root, () => clearCache(root));
  printNote(folders === 0 ? `The cache is empty (${root}).` : `Removed ${showBytes(bytes)} from ${root}`);
  return EXIT_OK;
}

function sum(entries: readonly CacheEntry[]): number {
  return entries.reduce((bytes, entry) => bytes + entry.bytes, 0);
}

function removedLine(entries: readonly CacheEntry[], root: string): string {
  return `Removed ${showBytes(sum(entries))} from ${root}`;
}

function orFileError<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof LlamaError ? error : fileError(root, error, "runtime");
  }
}
