/** Paths of the checkpoints that the tests read. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const fixture = (name: string) => at(`../../test/fixtures/${name}`);
export const demo = at("../../models/demo");

/** A file of the larger test data, which may exist next to the repository. */
export const shared = (name: string) => at(`../../../shared/data/${name}`);

/** Value for a test's `skip`: a message if the larger test data is missing. */
export const withoutShared: string | false = existsSync(shared("")) ? false : "the shared test data is missing";

export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}
