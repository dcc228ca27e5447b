/** The runtime's version, read from its manifest: its native library need not load for this. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Null when the runtime is not installed. */
export function runtimeVersion(): string | null {
  try {
    const manifest = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
    return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  } catch {
    return null;
  }
}
