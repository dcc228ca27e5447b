/** Mounts a small or read-only disk in memory, for tests of write errors. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./cli-process.js";

export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Mounts a tmpfs with options of mount(8). Returns the reason as text if that is not possible. */
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
