/** The command `cache`: lists or removes the cached quantised weights. Does not read their content. */

import { clearCache, defaultCacheRoot, listCache } from "../../../engine/weight-cache/cache-folder.js";
import { plural, showBytes } from "../../../formats/files/amounts.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { printNote } from "../../terminal/notes.js";
import { Output } from "../../terminal/output.js";

/** Prints one line per folder, or a JSON array, to stdout. */
export async function listCommand({ json }: { json?: true | undefined }): Promise<number> {
  const root = defaultCacheRoot();
  const entries = listCache(root);
  const output = new Output(process.stdout, () => {});
  if (json) {
    const objects = entries.map(({ worldSize, ...entry }) => ({ ...entry, world_size: worldSize }));
    await output.write(`${JSON.stringify(objects)}\n`);
    return EXIT_OK;
  }
  for (const { checkpoint, dtype, worldSize, bytes, created, folder } of entries) {
    const ranks = plural(worldSize, "rank");
    await output.write(
      `${showBytes(bytes).padStart(9)}  ${dtype}  ${ranks.padEnd(8)}  ${created.slice(0, 16).replace("T", " ")}  ${checkpoint}  ${folder}\n`,
    );
  }
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  printNote(entries.length === 0 ? `The cache is empty (${root}).` : `${showBytes(total)} in ${root}`);
  return EXIT_OK;
}

/** Removes all cached weights and prints their size. */
export async function clearCommand(): Promise<number> {
  const root = defaultCacheRoot();
  const { folders, bytes } = clearCache(root);
  printNote(folders === 0 ? `The cache is empty (${root}).` : `Removed ${showBytes(bytes)} from ${root}`);
  return EXIT_OK;
}
