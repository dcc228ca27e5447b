/** Finds the files of a task's split below the data folder: by the task's name, in a hub's layout, or in the form of their makers. Does not read them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { LlamaError } from "../../error.js";
import { firstFew, plural } from "../../formats/files/amounts.js";
import { snapshotOf } from "../../model/place/hub-cache.js";
import type { DataNeeds, OriginalForm } from "./data-needs.js";
import type { Split } from "./row.js";

export type FoundFiles =
  | { form: "rows"; paths: string[] }
  /** One list of paths for each of the form's. */
  | { form: OriginalForm; paths: string[][] };

/** In the order in which they are looked for. */
export const EXTENSIONS = ["jsonl", "json", "csv", "tsv", "parquet", "jsonl.gz", "json.gz", "csv.gz"] as const;
/** SPLIT-00000-of-00003.parquet */
const SHARD = /^(.+)-(\d{5})-of-(\d{5})\.(jsonl|json|csv|tsv|parquet)$/;

/** The files of a split; null without any. Throws LlamaError for a set of shards that is not whole. */
export function findFiles(folder: string, needs: DataNeeds, split: Split): FoundFiles | null {
  const path = needs.paths?.[split];
  if (path !== undefined) return { form: "rows", paths: [path] };
  const own = [...needs.folders.map((name) => join(folder, name)), ...isOwnFolder(folder, needs)];
  const downloads = (needs.downloads ?? []).map((name) => join(folder, name));
  // Where a data set has data of other tasks too, only the folders of this one's are looked into.
  (needs.downloads ? downloads : own).push(...cachedFolder(folder, needs));
  const originals = originalFiles([...own, ...downloads], folder, needs, split);
  if (originals !== null) return originals;
  for (const root of own) {
    const named = tables(root, split);
    if (named.length > 0) return { form: "rows", paths: named };
  }
  for (const root of [...own, ...downloads, folder]) {
    const places = own.includes(root) ? [...(needs.configs ?? []), "data", ""] : (needs.configs ?? []);
    for (const place of places) {
      const paths = shards(join(root, place), split);
      if (paths.length > 0) return { form: "rows", paths };
      const table = place === "" ? [] : tables(join(root, place), split);
      if (table.length > 0) return { form: "rows", paths: table };
    }
  }
  for (const root of [...own, ...downloads, folder]) {
    const names = [...(needs.files?.[split] ?? []), ...(root === folder ? [] : (needs.ownFiles?.[split] ?? []))];
    const path = names.map((name) => join(root, name)).find(isFile);
    if (path !== undefined) return { form: "rows", paths: [path] };
  }
  return null;
}

/** The data folder can be the task's own. */
function isOwnFolder(folder: string, { folders }: DataNeeds): string[] {
  return folders.includes(basename(resolve(folder))) ? [folder] : [];
}

/** The folder of the data set in a cache of huggingface_hub, which the data folder can be. */
function cachedFolder(folder: string, { hub }: DataNeeds): string[] {
  const cached = hub === undefined ? "" : join(folder, `datasets--${hub.replaceAll("/", "--")}`);
  return hub !== undefined && existsSync(cached) ? [snapshotOf(cached)] : [];
}

function tables(root: string, split: Split): string[] {
  return EXTENSIONS.map((extension) => join(root, `${split}.${extension}`))
    .filter(isFile)
    .slice(0, 1);
}

function originalFiles(roots: readonly string[], folder: string, needs: DataNeeds, split: Split): FoundFiles | null {
  for (const form of needs.originals ?? []) {
    for (const root of form.isOwn ? roots : [...roots, folder]) {
      const paths = form.paths[split]?.map((path) => originalPaths(root, path));
      if (paths?.every((some) => some.length > 0)) return { form, paths };
    }
  }
  return null;
}

/** What is looked for, for the error and for lists: the first names of each form. */
export function expectedFiles(needs: DataNeeds, split: Split): string[] {
  const [config = "data"] = needs.configs ?? [];
  const [download = needs.folders[0]] = needs.downloads ?? [];
  const others = [...(needs.files?.[split] ?? []), ...(needs.ownFiles?.[split] ?? [])].slice(0, 1);
  return [
    `${needs.folders[0]}/${split}.{jsonl,json,csv,tsv,parquet}`,
    `${download}/${config}/${split}-00000-of-0000N.parquet`,
    ...others,
    ...(needs.originals ?? []).flatMap((form) => form.paths[split]?.join(" with ") ?? []),
  ];
}

/** The error for a split without files. */
export function noFiles(folder: string, task: string, needs: DataNeeds, split: Split): LlamaError {
  const names = listed(folder);
  const empty = existsSync(folder) ? "an empty folder" : "no such folder";
  const present = names.length === 0 ? empty : `${firstFew(names)} in it`;
  return new LlamaError("usage", `no ${split} file in ${folder}`, {
    where: task,
    expected: `${expectedFiles(needs, split).join(" or ")}, with the columns ${Object.keys(needs.columns).join(", ")}`,
    found: present,
  });
}

function shards(folder: string, split: Split): string[] {
  const inside = listed(join(folder, split)).filter((name) => /^\d{4}\.parquet$/.test(name));
  if (inside.length > 0) return inside.map((name) => join(folder, split, name));
  const found = listed(folder).flatMap((name) => {
    const [, start, index, count, extension] = SHARD.exec(name) ?? [];
    return start === split ? [{ name, index: Number(index), count: Number(count), extension }] : [];
  });
  const [first] = found;
  if (first === undefined) return [];
  if (found.length !== first.count || found.some(({ index, count }, i) => index !== i || count !== first.count)) {
    throw new LlamaError("usage", `the files of ${split} are not complete`, {
      where: folder,
      expected: plural(first.count, "file"),
      found: firstFew(found.map(({ name }) => name)),
    });
  }
  return found.map(({ name }) => join(folder, name));
}

function originalPaths(root: string, path: string): string[] {
  const full = join(root, path);
  if (!path.endsWith("/")) return isFile(full) ? [full] : [];
  return listed(full)
    .map((name) => join(full, name))
    .filter(isFile);
}

/** Names in a folder, sorted; empty if it cannot be read. */
function listed(folder: string): string[] {
  try {
    // Sorted by UTF-16 units, so that the order does not depend on a language.
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
