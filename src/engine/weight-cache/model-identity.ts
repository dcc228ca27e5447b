/** Computes a hash that identifies a loaded model, so that cached weights, keys and values are only used with the same model. */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus } from "node:os";
import { unreadable } from "../../formats/files/byte-source.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";

/** Hashes everything that determines computed numbers: files, dtype, runtime and CPU. Throws LlamaError if a file of the checkpoint is missing. */
export function modelIdentity(checkpoint: Checkpoint, dtype: ComputeType): string {
  const { config, tensors, seed } = checkpoint;
  const files = new Map<string, unknown>();
  const places: unknown[] = [];
  for (const { name, shape, axis, pieces } of tensors.values()) {
    places.push([name, shape, axis]);
    for (const { entry } of pieces) {
      const { file, ...place } = entry.storage;
      places.push([entry.dtype, entry.shape, entry.strides, entry.storageOffset, place]);
      if (files.has(file)) continue;
      files.set(file, fileIdentity(file, place.crc32 !== undefined));
    }
  }
  const machine = [runtimeVersion(), arch(), cpus()[0]?.model];
  const identity = { machine, dtype, config, seed, places, files: [...files.values()] };
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 32);
}

/** A zip's checksums identify its contents; without them, change time, inode and path must match too. */
function fileIdentity(file: string, hasChecksums: boolean): unknown[] {
  try {
    const { size, mtimeMs, ctimeMs, ino } = statSync(file);
    return hasChecksums ? [size, mtimeMs] : [size, mtimeMs, ctimeMs, ino, realpathSync(file)];
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** The runtime's version, read from its manifest so that the native library need not be loaded. Null if it is not installed. */
export function runtimeVersion(): string | null {
  try {
    const manifest = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
    return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  } catch {
    return null;
  }
}
