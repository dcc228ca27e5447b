/** Collects the licenses of the packages whose code is in the page: they want their notice with every copy. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** `inputs`: the paths of a bundle's sources, relative to `folder`. Throws for a package without a license file. */
export function licensesOf(inputs, folder) {
  const roots = new Set(inputs.map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  return [...roots]
    .sort()
    .map((root) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, root, "package.json"), "utf8"));
      const file = readdirSync(join(folder, root)).find((one) => /^licen[cs]e/i.test(one));
      if (file === undefined) throw new Error(`${name} has no license file`);
      return `${name} ${version}\n\n${readFileSync(join(folder, root, file), "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}
