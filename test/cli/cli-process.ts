/** Runs the real program as a shell would, for the tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

export const BIN = fileURLToPath(new URL("../../../bin/llama-ts.cjs", import.meta.url));
export const DEMO = fileURLToPath(new URL("../../../models/demo", import.meta.url));

/** A program that is still running after this time is considered hung. */
const TIMEOUT_MS = 30_000;

export interface Run {
  code: number | null;
  /** The signal that killed it, or null. */
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Input on stdin; by default stdin is empty, like that of a job without a terminal. */
  input?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Milliseconds after which it is considered hung. */
  timeout?: number;
  /** Called with the process after it has started. */
  onStart?: (child: ChildProcess) => void;
  /** Called for each chunk of stdout. */
  onStdout?: (child: ChildProcess) => void;
  /** Called for each chunk of stderr. */
  onStderr?: (child: ChildProcess) => void;
}

export function llama(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return run(process.execPath, [BIN, ...args], options);
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { input, env, timeout = TIMEOUT_MS, cwd, onStart, onStdout, onStderr } = options;
  const child = spawn(command, args, {
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { ...plainEnvironment(), ...env },
    timeout,
    ...(cwd !== undefined && { cwd }),
    killSignal: "SIGKILL",
  });
  onStart?.(child);
  const result: Run = { code: null, signal: null, stdout: "", stderr: "" };
  child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
    result.stdout += piece;
    onStdout?.(child);
  });
  child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
    result.stderr += piece;
    onStderr?.(child);
  });
  child.stdin?.on("error", () => {}).end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve({ ...result, code, signal }));
  });
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...env } = process.env;
  // A test must not depend on the user's settings.
  return { ...env, LLAMA_TS_CONFIG: "" };
}

/** A temporary folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-cli-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Copies files of the demo model. */
export function copyDemo(folder: string, names: readonly string[]): void {
  for (const name of names) copyFileSync(join(DEMO, name), join(folder, name));
}
