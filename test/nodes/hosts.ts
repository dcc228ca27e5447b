/** Runs one line on several hosts, for tests: each a process of the real program on this machine; kills what holds layers. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { BIN } from "../cli/cli-process.js";

/** What runs longer hangs. */
const TIMEOUT_MS = 120_000;

export interface HostOptions {
  /** Words before the command: `ip netns exec NAME`. */
  prefix?: readonly string[];
  env?: NodeJS.ProcessEnv;
  input?: string;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** One host's process. */
export class Host {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], { prefix = [], env, input }: HostOptions = {}) {
    const [program, ...rest] = [...prefix, process.execPath, BIN, ...args];
    this.child = spawn(program!, rest, {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, LLAMA_TS_CONFIG: "", NO_COLOR: "1", ...env },
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    running.add(this.child);
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#add("stdout", text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#add("stderr", text));
    if (input !== undefined) this.child.stdin!.end(input);
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.#changed();
      });
    });
  }

  /** Resolves when the output matches; rejects if the process ends before. */
  async until(pattern: RegExp, stream: "stdout" | "stderr" = "stderr"): Promise<void> {
    while (!pattern.test(this[stream])) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended without ${pattern}: ${this.stderr}`);
      }
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  /** The process that works: the supervisor's child, or without one the process itself. */
  get worker(): number {
    const { pid } = this.child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    return Number(children[0]) || pid!;
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    process.kill(this.worker, signal);
  }

  #add(stream: "stdout" | "stderr", text: string): void {
    this[stream] += text;
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }
}

let groups = 0;

/** The options by which hosts of one test meet. */
export function meeting(url: string, nodes: string, id = `t${process.pid}-${groups++}`): string[] {
  return ["--nnodes", nodes, "--rdzv_endpoint", url, "--rdzv_id", id, "--rdzv_conf", "join_timeout=60,lost_after=2"];
}
