/** Tab completion of the REPL: commands, settings and files. */
import { readdirSync } from "node:fs";
import { sep } from "node:path";
import { COMMAND_NAMES, STATS } from "./commands.js";
import { SETTING_NAMES } from "./settings.js";

const WITH_FILE = /^\/(?:save|load)\s+(\S*)$/;

/** For node's readline: returns the candidates for the last part of the line, and that part. */
export function complete(line: string): [string[], string] {
  const file = WITH_FILE.exec(line)?.[1];
  if (file !== undefined) return [files(file), file];
  const setting = /^\/set\s+(\w*)$/.exec(line)?.[1];
  if (setting !== undefined) return [[...SETTING_NAMES, STATS].filter((name) => name.startsWith(setting)), setting];
  if (!/^\/\w*$/.test(line)) return [[], line];
  return [COMMAND_NAMES.filter((name) => name.startsWith(line)), line];
}

function files(typed: string): string[] {
  // Windows has two separators.
  const [folder] = (sep === "/" ? /^(?:.*\/)?/ : /^(?:.*[/\\])?/).exec(typed)!;
  try {
    const entries = readdirSync(folder === "" ? "." : folder, { withFileTypes: true });
    const paths = entries.map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : ""));
    return paths.filter((path) => path.startsWith(typed)).sort();
  } catch {
    return [];
  }
}
