/** Finds the clients that `.ci/clients` has installed: packages from npm, and programs from PyPI. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The source of these tests. */
export const CLIENTS = fileURLToPath(new URL("../../../test/clients/", import.meta.url));
const INSTALLED = fileURLToPath(new URL("../../../.clients/", import.meta.url));
export const SKIP = "not installed: run .ci/clients";
/** Set while they are being installed. */
const IS_LATER = process.env.CLIENTS === "later";

const require = createRequire(join(INSTALLED, "package.json"));

/** A package of package.json; null if they are not installed. The compiler does not know its types. */
// biome-ignore lint/suspicious/noExplicitAny: the project does not install these packages, nor their types
export async function npmClient(name: string): Promise<any> {
  // npm writes this file at its end.
  if (IS_LATER || !existsSync(join(INSTALLED, "node_modules", ".package-lock.json"))) return null;
  return import(pathToFileURL(require.resolve(name)).href);
}

/** A program of the Python environment, or python itself; null if it is not installed. */
export function pythonTool(name: string): string | null {
  const folder = join(INSTALLED, "venv");
  const file = join(folder, "bin", name);
  return !IS_LATER && existsSync(file) && existsSync(join(folder, "installed")) ? file : null;
}
