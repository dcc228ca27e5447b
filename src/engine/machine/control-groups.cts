/** The control groups of this process (Linux cgroups, both versions), by which a container or a service is given less than the machine has. Knows folders; not their limits. CommonJS, as the supervisor loads it. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface ControlGroup {
  version: 1 | 2;
  /** The text of one of its files; undefined where there is none. */
  read(file: string): string | undefined;
}

/** The groups that may limit what a controller hands out: the process's own and all above it. `root` stands before /proc and /sys, for tests. */
export function* controlGroups(controller: "cpu" | "memory", root = "/"): Generator<ControlGroup> {
  const mounts = join(root, "sys/fs/cgroup");
  for (const line of (read(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const version = controllers === "" ? 2 : 1;
    if (version === 1 && !controllers!.split(",").includes(controller)) continue;
    const tops = version === 2 ? [mounts] : [join(mounts, controllers!), join(mounts, controller)];
    for (const top of tops) {
      // In a container the path may be the host's, or lead out of what is seen: then only the topmost folder is there.
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
    return undefined; // not this system's kind of file
  }
}
