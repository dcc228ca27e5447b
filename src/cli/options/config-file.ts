/** Finds and parses the user's settings file: `option = value` lines, with [command] sections. Does not know which options exist. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { fileError } from "../../formats/files/file-error.js";
import { decodeText } from "../../formats/files/text.js";
import { userFolder } from "../../formats/files/user-folder.js";

/** A value and the place it was read from. */
export interface FileSetting {
  value: string;
  /** "~/.config/llama-ts/config:3" */
  origin: string;
}

export interface ConfigFile {
  path: string;
  exists: boolean;
  /** Why the default file was not read, although it may exist: it belongs to another user. */
  problem: string | null;
  /** The settings of each command by its name; those of all commands have the name "". */
  sections: ReadonlyMap<string, ReadonlyMap<string, FileSetting>>;
}

/** LLAMA_TS_CONFIG, else llama-ts/config in the XDG folder. */
export function configPath(env: NodeJS.ProcessEnv): string {
  return env.LLAMA_TS_CONFIG ?? join(userFolder("config", env), "config");
}

/** Reads the file at configPath(): none if the path is empty, no settings if the default file does not exist. Throws LlamaError if it cannot be read or parsed. */
export function readConfig(env: NodeJS.ProcessEnv): ConfigFile {
  const path = configPath(env);
  const none = { path, exists: false, problem: null, sections: new Map() };
  if (path === "") return none;
  try {
    return {
      path,
      exists: true,
      problem: null,
      sections: parseConfig(decodeText(readFileSync(path), path), shortened(path)),
    };
  } catch (error) {
    if (error instanceof LlamaError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // A file that LLAMA_TS_CONFIG names must exist.
    const isDefault = env.LLAMA_TS_CONFIG === undefined;
    if ((code === "ENOENT" || code === "ENOTDIR") && isDefault) return none;
    const unreadable = fileError(path, error, "usage");
    // As with sudo, which may keep HOME.
    if ((code === "EACCES" || code === "EPERM") && isDefault) return { ...none, problem: unreadable.message };
    throw unreadable;
  }
}

/** `path` is the name of the file in origins and errors. */
export function parseConfig(text: string, path: string): Map<string, Map<string, FileSetting>> {
  let section = new Map<string, FileSetting>();
  const sections = new Map([["", section]]);
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const origin = `${path}:${index + 1}`;
    if (line === "" || line.startsWith("#")) continue;
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      continue;
    }
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) {
      throw new LlamaError("usage", "cannot be parsed", {
        where: origin,
        expected: "option = value, [command] or # comment",
      });
    }
    section.set(key.replaceAll("-", "_"), { value: unquoted(value), origin });
  }
  return sections;
}

/** Removes quotes, which keep spaces at the ends, and expands a leading ~ to the home folder. */
function unquoted(value: string): string {
  const [, quoted] = /^"(.*)"$/.exec(value) ?? [];
  if (quoted !== undefined) return quoted;
  return /^~[/\\]/.test(value) ? join(homedir(), value.slice(2)) : value;
}

function shortened(path: string): string {
  const home = homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
