/** What `--version` prints. The runtime's version is read from its manifest: its native library need not load for this. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export function versionText(): string {
  const own = readVersion(new URL("../../../package.json", import.meta.url));
  return `llama-ts ${own} (onnxruntime-node ${runtimeVersion()}, Node ${process.version}, ${process.platform}-${process.arch})`;
}

function runtimeVersion(): string {
  try {
    return readVersion(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  } catch {
    return "not installed";
  }
}

function readVersion(manifest: string | URL): string {
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
