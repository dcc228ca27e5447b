/** Where the files of a user belong on each platform: settings, history and the cache. Does not know what they contain. */
import { homedir, platform } from "node:os";
import { posix, win32 } from "node:path";

export type UserFolderKind = "cache" | "config" | "state";

const XDG = { cache: "XDG_CACHE_HOME", config: "XDG_CONFIG_HOME", state: "XDG_STATE_HOME" } as const;
const BELOW_HOME = { cache: [".cache"], config: [".config"], state: [".local", "state"] } as const;
/** Windows: only settings follow a user to another machine. */
const WINDOWS = {
  cache: ["LOCALAPPDATA", "Local", "cache"],
  config: ["APPDATA", "Roaming", ""],
  state: ["LOCALAPPDATA", "Local", "state"],
} as const;

/**
 * The folder of llama-ts for one kind of files: $XDG_..._HOME/llama-ts where that is an absolute path (the XDG specification says
 * to ignore others), else below ~ as XDG says; on macOS the cache is in ~/Library/Caches; on Windows all are below %LOCALAPPDATA%
 * and %APPDATA%.
 */
export function userFolder(
  kind: UserFolderKind,
  env: Readonly<Record<string, string | undefined>>,
  { system, home }: { system: NodeJS.Platform; home: string } = { system: platform(), home: homedir() },
): string {
  const { join, isAbsolute } = system === "win32" ? win32 : posix;
  const xdg = env[XDG[kind]];
  if (xdg && isAbsolute(xdg)) return join(xdg, "llama-ts");
  if (system === "win32") {
    const [variable, place, inside] = WINDOWS[kind];
    return join(env[variable] || join(home, "AppData", place), "llama-ts", inside);
  }
  if (system === "darwin" && kind === "cache") return join(home, "Library", "Caches", "llama-ts");
  return join(home, ...BELOW_HOME[kind], "llama-ts");
}
