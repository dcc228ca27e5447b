/** A folder and a home of its own in which documented lines are run as they stand, with `llama-ts` on the path. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BIN, type Run, type RunOptions, run, temporaryFolder } from "../cli/cli-process.js";
import { ROOT } from "./blocks.js";

/** How the documents call the user's folder. */
const HOME = "/home/me";

export class Sandbox {
  readonly folder = join(temporaryFolder(), "work");
  readonly home = join(dirname(this.folder), "home");
  readonly env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    const bin = join(dirname(this.folder), "bin");
    for (const folder of [this.folder, this.home, bin]) mkdirSync(folder);
    symlinkSync(join(ROOT, "models"), join(this.folder, "models"));
    this.program(join(bin, "llama-ts"), `exec "${process.execPath}" "${BIN}" "$@"`);
    this.program(join(bin, "srun"), 'exec "$@"');
    const unset = { XDG_CACHE_HOME: undefined, XDG_CONFIG_HOME: undefined, LLAMA_TS_CONFIG: undefined };
    this.env = { ...unset, HOME: this.home, PATH: `${bin}:${process.env.PATH}`, ...env };
  }

  program(path: string, line: string): void {
    writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }

  path(name: string): string {
    return resolve(this.folder, name.replace(/^~/, this.home));
  }

  /** Writes a file unless it is there; says whether it wrote. */
  write(name: string, text: string): boolean {
    const path = this.path(name);
    if (existsSync(path)) return false;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return true;
  }

  async run(command: string, options: RunOptions = {}): Promise<Run> {
    const result = await run("bash", ["-c", `cd "${this.folder}"\n${command}`], { env: this.env, ...options });
    for (const stream of ["stdout", "stderr"] as const) result[stream] = result[stream].replaceAll(this.home, HOME);
    return result;
  }
}
