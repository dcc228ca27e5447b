/** Computes a hash that identifies a loaded model, so that cached weights, keys and values are only used with the same model. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus } from "node:os";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { RECIPE_VERSION } from "../../model/architecture/recipe.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { sourceFiles } from "./source-files.js";

/** Changes when the graphs of stages change otherwise than by what is hashed here. */
const GRAPHS = 4;

/** Hashes everything that determines computed numbers: files, dtype, runtime and CPU. */
export function modelIdentity(checkpoint: Checkpoint, dtype: ComputeType): string {
  const { config, tensors, seed } = checkpoint;
  const places: unknown[] = [];
  for (const { name, shape, axis, pieces } of tensors.values()) {
    places.push([name, shape, axis]);
    for (const { entry } of pieces) {
      const { file: _, ...place } = entry.storage;
      places.push([entry.dtype, entry.shape, entry.strides, entry.storageOffset, place]);
    }
  }
  const machine = [runtimeVersion(), arch(), cpus()[0]?.model];
  const files = sourceFiles(checkpoint).map(({ identity }) => identity);
  const identity = { machine, dtype, graphs: GRAPHS, recipe: RECIPE_VERSION, config, seed, places, files };
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 32);
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
