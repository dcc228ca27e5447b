/**
 * Before a global install: makes onnxruntime-node's own install script find nothing to download. On Linux x64 that script fetches
 * CUDA libraries from nuget.org, and the install fails without that site. llama-ts computes on the CPU and never loads them.
 * Other packages of a project may need them, so a local install is left alone.
 */
const { existsSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");

if (process.env.npm_config_global === "true") {
  try {
    const folder = dirname(require.resolve("onnxruntime-node/package.json"));
    const { requirements, manifests } = require(join(folder, "script/install-metadata.js"));
    const platform = `${process.platform}/${process.arch}`;
    for (const name of requirements[platform] ?? []) {
      for (const file of Object.keys(manifests[`${platform}:${name}`])) {
        const path = join(folder, "bin/napi-v6", platform, file);
        // An empty file counts as present.
        if (!existsSync(path)) writeFileSync(path, "");
      }
    }
  } catch {
    // Another version of onnxruntime-node: its script does what it does.
  }
}
