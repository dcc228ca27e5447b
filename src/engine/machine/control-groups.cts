/** Finds the Linux control groups (cgroups, versions 1 and 2) that may limit this process. Does not know what the limits mean. CommonJS, because the supervisor loads it. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface ControlGroup {
  version: 1 | 2;
  /** The text of one of its files; undefined if the file does not exist. */
  read(file: string): string | undefined;
}

/** Yields the groups that may limit a controller's resource: the process's own and all its parents. `root` is the parent folder of /proc and /sys, for tests. */
export function* controlGroups(controller: "cpu" | "memory", root = "/"): Generator<ControlGroup> {
  const mounts = join(root, "sys/fs/cgroup");
  for (const line of (read(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const version = controllers === "" ? 2 : 1;
    if (version === 1 && !controllers!.split(",").includes(controller)) continue;
    const tops = version === 2 ? [mounts] : [join(mounts, controllers!), join(mounts, controller)];
    for (const top of tops) {
      // In a container the path may be the host's, or lead outside the mount: then only the top folder exists.
      for (let folder = join(top, join("/", path)); folder.startsWith(top); folder = dirname(folder)) {
        yield { version, read: (file) => read(join(folder, file)) };
      }
    }
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // not on this system
  }
}
