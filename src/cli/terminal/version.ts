/** The text of `--version`: versions of the package, the runtime and Node, and the platform. */
import { readFileSync } from "node:fs";
import { runtimeVersion } from "../../engine/weight-cache/model-identity.js";

export function versionText(): string {
  const runtime = runtimeVersion() ?? "not installed";
  return `llama-ts ${packageVersion()} (onnxruntime-node ${runtime}, Node ${process.version}, ${process.platform}-${process.arch})`;
}

export function packageVersion(): string {
  const manifest = readFileSync(new URL("../../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
