/**
 * The folders of the weight cache: names, checks, creates and removes them.
 * A folder is written under a temporary name and renamed when it is complete. Does not know sessions or layers.
 */

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { env } from "node:process";
import { showBytes } from "../../formats/files/amounts.js";
import { moveFileSync } from "../../formats/files/move-file.js";
import { userFolder } from "../../formats/files/user-folder.js";
import type { Range } from "../../formats/tensor/range.js";
import { hasEnded, ownMark } from "../machine/process-mark.js";
import { runtimeVersion } from "./model-identity.js";
import type { SourceFile } from "./source-files.js";

/** Version of a folder's contents. */
const FORMAT = 4;
const MANIFEST = "manifest.json";
/** HASH.HOST.PID.START.SPACE.RANDOM.tmp: a process mark in the middle; a host name can contain dots, the rest cannot. */
const UNFINISHED = /^[0-9a-f]{32}\.(.+)\.(\d+)\.(\d*)\.([0-9a-f]*)\.[0-9a-f]{8}\.tmp$/;
/** Disk space to leave free in addition to what the cache needs. */
const SPARE_BYTES = 64 << 20;

/** What a finished folder says of itself. */
export interface Manifest {
  format: number;
  /** Version of the runtime that computed the layouts; null if unknown. */
  runtime: string | null;
  /** Path of the checkpoint. */
  checkpoint: string;
  dtype: string;
  worldSize: number;
  /** The checkpoint's weight files as they were read. */
  sources: readonly SourceFile[];
  bytes: number;
  /** ISO 8601 */
  created: string;
  /** Size and modification time of every file. */
  files: Record<string, { size: number; mtimeMs: number }>;
}

/** What the writer of a folder says of it. */
export type CacheAbout = Pick<Manifest, "checkpoint" | "dtype" | "worldSize" | "sources">;

/** The user's folder for caches: $XDG_CACHE_HOME/llama-ts, or ~/.cache/llama-ts on Linux. */
export function defaultCacheRoot(): string {
  return userFolder("cache", env);
}

/** The folder for the weights of a model (by modelIdentity) with `worldSize` ranks; `layers` if it has only some of the layers. */
export function cacheFolder(root: string, identity: string, worldSize: number, layers?: Range): string {
  const about = JSON.stringify([FORMAT, worldSize, identity, ...(layers ? [layers] : [])]);
  return join(root, createHash("sha256").update(about).digest("hex").slice(0, 32));
}

/** Whether the folder exists with all its files, unchanged since they were written by this version. */
export function isCacheWhole(folder: string): boolean {
  const manifest = readManifest(folder);
  if (manifest?.format !== FORMAT) return false;
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
export async function finishCache(unfinished: string, folder: string, about: CacheAbout): Promise<void> {
  const files: Manifest["files"] = {};
  for (const name of readdirSync(unfinished)) {
    files[name] = await flush(join(unfinished, name));
    if (files[name].size === 0) throw new Error(`${name} is empty`);
  }
  const bytes = Object.values(files).reduce((sum, { size }) => sum + size, 0);
  const created = new Date().toISOString();
  const manifest: Manifest = { format: FORMAT, runtime: runtimeVersion(), ...about, bytes, created, files };
  writeFileSync(join(unfinished, MANIFEST), JSON.stringify(manifest));
  await flush(join(unfinished, MANIFEST));
  if (existsSync(folder) && !isCacheWhole(folder)) rmSync(folder, { recursive: true, force: true });
  try {
    moveFileSync(unfinished, folder);
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

/** Whether a manifest is of this version of llama-ts and of the runtime. */
export function isOfThisVersion({ format, runtime }: Manifest): boolean {
  return format === FORMAT && runtime === runtimeVersion();
}

/** Null if the manifest is missing or cannot be read. One of another format may lack any key but the format. */
export function readManifest(folder: string): Manifest | null {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), "utf8"));
    if (manifest.format !== FORMAT) return typeof manifest.format === "number" ? manifest : null;
    return Array.isArray(manifest.sources) && typeof manifest.files === "object" ? manifest : null;
  } catch {
    return null;
  }
}

/** Whether a name belongs to an unfinished folder whose writer has ended. */
export function isAbandoned(root: string, name: string): boolean {
  const [, host, pid, started, space] = UNFINISHED.exec(name) ?? [];
  if (host === undefined) return false;
  try {
    return hasEnded({ host, pid: Number(pid), started: started!, space: space! }, join(root, name));
  } catch {
    // Renamed or removed by its writer.
    return false;
  }
}

/** Writes the manifest of a finished folder again, for a checkpoint that was moved. Does nothing if that fails. */
export function renameCheckpoint(folder: string, { checkpoint, sources }: CacheAbout): void {
  const manifest = readManifest(folder);
  if (manifest === null) return;
  const file = join(folder, `${MANIFEST}.${randomBytes(4).toString("hex")}`);
  try {
    writeFileSync(file, JSON.stringify({ ...manifest, checkpoint, sources }));
    moveFileSync(file, join(folder, MANIFEST));
  } catch {
    // The folder may be read-only or just removed; its old path is only worse for `cache list`.
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
