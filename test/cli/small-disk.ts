/** A disk in memory with little room, or none to write to, for tests of what happens then. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./cli-process.js";

export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** With options of mount(8) for a tmpfs; a text says why there can be none. */
  static mount(options: string): SmallDisk | string {
    if (process.platform !== "linux") return "it mounts tmpfs";
    const folder = join(temporaryFolder(), "disk");
    mkdirSync(folder);
    const disk = new SmallDisk(folder);
    try {
      disk.#mount("-t", "tmpfs", "-o", options, "llama-ts-test");
    } catch {
      return "a tmpfs cannot be mounted here (as root)";
    }
    return disk;
  }

  change(options: string): void {
    this.#mount("-o", `remount,${options}`);
  }

  unmount(): void {
    execFileSync("umount", [this.folder]);
  }

  #mount(...args: string[]): void {
    execFileSync("mount", [...args, this.folder], { stdio: "pipe" });
  }
}
