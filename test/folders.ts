/** Where the checkpoints are that these tests read. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const fixture = (name: string) => at(`../../test/fixtures/${name}`);
export const demo = at("../../models/demo");

/** A file of the larger test collection that may lie beside the repository. */
export const shared = (name: string) => at(`../../../shared/data/${name}`);

/** Value for a test's `skip`: a message when the larger collection is absent. */
export const withoutShared: string | false = existsSync(shared("")) ? false : "the shared test data is not here";

export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}
