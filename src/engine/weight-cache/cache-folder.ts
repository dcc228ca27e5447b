/**
 * The folders of the weight cache: names, checks, creates, lists and removes them.
 * A folder is written under a temporary name and renamed when it is complete. Does not know sessions or layers.
 */

import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { showBytes } from "../../formats/files/amounts.js";
import type { Range } from "../../formats/tensor/range.js";
import { hasEnded, ownMark } from "../machine/process-mark.js";

/** Version of a folder's contents. */
const FORMAT = 2;
const MANIFEST = "manifest.json";
const FOLDER = /^[0-9a-f]{32}$/;
/** HASH.HOST.PID.START.SPACE.RANDOM.tmp: a process mark in the middle; a host name can contain dots, the rest cannot. */
const UNFINISHED = /^[0-9a-f]{32}\.(.+)\.(\d+)\.(\d*)\.([0-9a-f]*)\.[0-9a-f]{8}\.tmp$/;
/** Disk space to leave free in addition to what the cache needs. */
const SPARE_BYTES = 64 << 20;

/** One folder of the weight cache. */
export interface CacheEntry {
  folder: string;
  /** Folder of the checkpoint it was converted from. */
  checkpoint: string;
  dtype: string;
  worldSize: number;
  bytes: number;
  /** ISO 8601 */
  created: string;
}

interface Manifest extends Omit<CacheEntry, "folder"> {
  format: number;
  /** Size and modification time of every file. */
  files: Record<string, { size: number; mtimeMs: number }>;
}

/** $XDG_CACHE_HOME/llama-ts, or ~/.cache/llama-ts. */
export function defaultCacheRoot(): string {
  const base = env.XDG_CACHE_HOME;
  // The XDG specification says to ignore a relative path.
  return join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "llama-ts");
}

/** The folder for the weights of a model (by modelIdentity) with `worldSize` ranks; `layers` if it has only some of the layers. */
export function cacheFolder(root: string, identity: string, worldSize: number, layers?: Range): string {
  const about = JSON.stringify([FORMAT, worldSize, identity, ...(layers ? [layers] : [])]);
  return join(root, createHash("sha256").update(about).digest("hex").slice(0, 32));
}

/** Whether the folder exists with all its files, unchanged since they were written. */
export function isCacheWhole(folder: string): boolean {
  const manifest = readManifest(folder);
  if (manifest === null) return false;
  return Object.entries(manifest.files).every(([name, { size, mtimeMs }]) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat?.size === size && stat.mtimeMs === mtimeMs;
  });
}

/**
 * Creates the temporary folder to write into, which `finishCache` renames to `folder`; removes what ended processes left.
 * Throws an Error with the reason if the cache cannot be written or the disk has no room for `bytes`.
 */
export function beginCache(root: string, folder: string, bytes: number): string {
  try {
    mkdirSync(root, { recursive: true });
  } catch {
    // On a read-only disk, "recursive" reports a missing folder; without it the error names the real cause.
    mkdirSync(root);
  }
  removeAbandoned(root);
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < bytes + SPARE_BYTES) {
    throw new Error(`${root} has ${showBytes(bavail * bsize)} free, but ${showBytes(bytes + SPARE_BYTES)} are needed`);
  }
  const { host, pid, started, space } = ownMark();
  const unfinished = [folder, host, pid, started, space, randomBytes(4).toString("hex"), "tmp"].join(".");
  mkdirSync(unfinished);
  return unfinished;
}

/** Removes the unfinished folders of processes that have ended. Throws if `root` does not exist. */
export function removeAbandoned(root: string): void {
  for (const name of readdirSync(root)) if (isAbandoned(root, name)) discardCache(join(root, name));
}

/** Flushes a written folder to disk and renames it; if another process was first, keeps that one's. Throws if flushing or renaming fails. */
export async function finishCache(
  unfinished: string,
  folder: string,
  about: Omit<CacheEntry, "folder" | "bytes" | "created">,
): Promise<void> {
  const files: Manifest["files"] = {};
  for (const name of readdirSync(unfinished)) {
    files[name] = await flush(join(unfinished, name));
    if (files[name].size === 0) throw new Error(`${name} is empty`);
  }
  const bytes = Object.values(files).reduce((sum, { size }) => sum + size, 0);
  const manifest: Manifest = { format: FORMAT, ...about, bytes, created: new Date().toISOString(), files };
  writeFileSync(join(unfinished, MANIFEST), JSON.stringify(manifest));
  await flush(join(unfinished, MANIFEST));
  if (existsSync(folder) && !isCacheWhole(folder)) rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!isCacheWhole(folder)) throw error;
    discardCache(unfinished);
  }
}

/** Removes a folder, finished or not. Processes that have mapped its files can still use them. */
export function discardCache(folder: string): void {
  // A rank that did not leave in time may still add a file.
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** The finished folders of the cache, largest first. */
export function listCache(root: string): CacheEntry[] {
  const entries: CacheEntry[] = [];
  for (const name of existsSync(root) ? readdirSync(root) : []) {
    const folder = join(root, name);
    const manifest = FOLDER.test(name) ? readManifest(folder) : null;
    if (manifest === null) continue;
    const { checkpoint, dtype, worldSize, bytes, created } = manifest;
    entries.push({ folder, checkpoint, dtype, worldSize, bytes, created });
  }
  return entries.sort((a, b) => b.bytes - a.bytes);
}

/** Removes all folders of the cache except those still being written, and nothing else. Returns the number of folders and their bytes. */
export function clearCache(root: string): { folders: number; bytes: number } {
  const bytes = listCache(root).reduce((sum, entry) => sum + entry.bytes, 0);
  const names = existsSync(root)
    ? readdirSync(root).filter((name) => FOLDER.test(name) || isAbandoned(root, name))
    : [];
  for (const name of names) discardCache(join(root, name));
  return { folders: names.length, bytes };
}

/** Null if the manifest is missing or cannot be read. */
function readManifest(folder: string): Manifest | null {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), "utf8"));
    return manifest.format === FORMAT && typeof manifest.files === "object" ? manifest : null;
  } catch {
    return null;
  }
}

/** Whether a name belongs to an unfinished folder whose writer has ended. */
function isAbandoned(root: string, name: string): boolean {
  const [, host, pid, started, space] = UNFINISHED.exec(name) ?? [];
  if (host === undefined) return false;
  try {
    return hasEnded({ host, pid: Number(pid), started: started!, space: space! }, join(root, name));
  } catch {
    // Renamed or removed by its writer.
    return false;
  }
}

/** Flushes a file to disk; returns its size and modification time. */
async function flush(file: string): Promise<Manifest["files"][string]> {
  const handle = await open(file, "r+");
  try {
    await handle.sync();
    const { size, mtimeMs } = await handle.stat();
    return { size, mtimeMs };
  } finally {
    await handle.close();
  }
}
