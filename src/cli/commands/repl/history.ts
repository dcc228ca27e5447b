/** Keeps the input history of the REPL in a file that only its owner can read, one entry a line. Does not know what entries mean. */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { moveFileSync } from "../../../formats/files/move-file.js";
import { userFolder } from "../../../formats/files/user-folder.js";

/** Number of lines kept at a start; the file may grow to twice as many before the next start shortens it. */
const KEPT = 1000;

/** $XDG_STATE_HOME/llama-ts/history, or below ~/.local/state. */
export function historyPath(): string {
  return join(userFolder("state", process.env), "history");
}

export class History {
  /** Newest first, as readline expects; an entry may have several lines. */
  readonly entries: string[] = [];
  readonly #path: string | null;
  readonly #onProblem: (problem: string) => void;
  #last = "";
  #isBroken = false;

  /** If `path` is null, nothing is kept. `onProblem` is called once if the file cannot be read or written. */
  constructor(path: string | null, onProblem: (problem: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#try((file) => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      if (!existsSync(file)) return;
      chmodSync(file, 0o600);
      const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
      const kept = lines.slice(-KEPT);
      if (lines.length > 2 * KEPT) {
        writeFileSync(`${file}.tmp`, `${kept.join("\n")}\n`, { mode: 0o600 });
        moveFileSync(`${file}.tmp`, file);
      }
      this.entries.push(...kept.map(decoded).reverse());
    });
  }

  add(entry: string): void {
    if (entry.trim() === "" || entry === this.#last) return;
    this.#last = entry;
    this.#try((file) => appendFileSync(file, `${encoded(entry)}\n`, { mode: 0o600 }));
  }

  #try(work: (file: string) => void): void {
    if (this.#path === null || this.#isBroken) return;
    try {
      work(this.#path);
    } catch (error) {
      this.#isBroken = true;
      this.#onProblem(`cannot keep the input history: ${(error as Error).message}`);
    }
  }
}

/** An entry as one line: if it has several lines, or looks like a JSON string, as a JSON string. */
function encoded(entry: string): string {
  return /[\r\n]/.test(entry) || decoded(entry) !== entry ? JSON.stringify(entry) : entry;
}

function decoded(line: string): string {
  if (!/^".*"$/.test(line)) return line;
  try {
    return JSON.parse(line) as string;
  } catch {
    return line;
  }
}
