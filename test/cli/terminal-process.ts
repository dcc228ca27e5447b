/** Runs the real program on a pseudo-terminal, like an interactive user, for the tests. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { BIN } from "./cli-process.js";

/** Output that has not appeared after this time is considered missing, even on a busy machine. */
const TIMEOUT_MS = Number(process.env.TERMINAL_TIMEOUT_MS ?? 60_000);
export const CTRL_C = "\x03";
export const CTRL_D = "\x04";
export const ESC = "\x1b";
export const UP = `${ESC}[A`;
export const COLOUR = new RegExp(`${ESC}\\[[0-9;]*m`);
const CODES = new RegExp(`${ESC}\\[[0-9;?]*[A-Za-z]`, "g");

/** The script program of util-linux creates the terminal; that of BSD has other options. */
const hasScript = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "");
export const withoutTerminal: string | false = hasScript ? false : "script of util-linux is not here";

/** What was drawn, without what was erased later: readline draws a line again, and a word that crosses the edge is moved. */
export function screenText(raw: string): string {
  const moved = new RegExp(`([^\\n]*?)${ESC}\\[(\\d+)D${ESC}\\[K`, "g");
  return raw
    .replaceAll("\r", "")
    .replace(new RegExp(`[^\\n]*${ESC}\\[1G${ESC}\\[0J`, "g"), "")
    .replace(moved, (_, text: string, count: string) => text.slice(0, text.length - Number(count)))
    .replace(CODES, "")
    .replace(/ +\n/g, "\n");
}

export class Terminal {
  /** All output so far, without the codes for cursor movement and colour. */
  text = "";
  /** All output so far. */
  raw = "";
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #changed = () => {};
  #device = "";
  /** The position at which the next wait starts to search. */
  #seen = 0;

  /** `args` are those of the program, or another command. The same shell runs `then` on the same terminal after the program has ended. */
  constructor(args: readonly string[] | { command: string }, env: NodeJS.ProcessEnv = {}, then = "") {
    const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
    const command = "command" in args ? args.command : [process.execPath, BIN, ...args].map(quoted).join(" ");
    const { NO_COLOR: _no, FORCE_COLOR: _force, CI: _ci, ...own } = process.env;
    this.#child = spawn(
      "script",
      ["-qefc", `tty; stty cols 80 rows 24; ${then ? `${command}; ${then}` : `exec ${command}`}`, "/dev/null"],
      {
        env: { ...own, TERM: "xterm", SHELL: "/bin/sh", LC_ALL: "C.UTF-8", ...env },
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    this.#child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
      this.raw += piece;
      this.text = this.raw.replace(CODES, "").replaceAll("\r", "");
      this.#changed();
    });
    this.#child.stdin!.on("error", () => {});
    this.#closed = new Promise((resolve) => {
      this.#child.on("close", (code) => {
        resolve(code);
        this.#changed();
      });
    });
    after(() => this.#child.kill("SIGKILL"));
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Waits for a text after the one that was waited for last. */
  async until(pattern: RegExp | string): Promise<string> {
    let isOver = false;
    void this.#closed.then(() => {
      isOver = true;
    });
    const start = Date.now();
    for (;;) {
      const rest = this.text.slice(this.#seen);
      const found = typeof pattern === "string" ? rest.indexOf(pattern) : rest.search(pattern);
      if (found >= 0) {
        const length = typeof pattern === "string" ? pattern.length : rest.match(pattern)![0].length;
        this.#seen += found + length;
        return rest.slice(0, found + length);
      }
      if (isOver || Date.now() - start > TIMEOUT_MS) {
        throw new Error(`${pattern} did not come (${isOver ? "the program has ended" : "time is up"}):\n${this.text}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Waits until a prompt accepts keys. */
  prompt(): Promise<string> {
    return this.until(/>>> $/);
  }

  /** Changes the width; the program gets SIGWINCH. */
  resize(columns: number): void {
    this.#device ||= /\/dev\/\S+/.exec(this.text)![0];
    execFileSync("stty", ["-F", this.#device, "cols", String(columns)]);
  }

  /** The process that does the work: the last one in the chain of children (Linux). */
  get worker(): number {
    let pid = this.#child.pid!;
    for (;;) {
      const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0]);
      if (!child) return pid;
      pid = child;
    }
  }

  /** Waits until the program has ended and returns its exit code. */
  exit(): Promise<number | null> {
    return this.#closed;
  }
}
