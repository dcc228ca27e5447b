/** The parent's end: a side in a child process that does one thing at a time and is idle in between. */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Of /proc, on all Linux there is. */
const TICK_MS = 10;
const MIN_MS = 500;

export class Child {
  /** Largest share of a core that it has used while it had nothing to do. */
  idle = 0;
  /** Largest share of a core that other programs have used while it worked. */
  foreign = 0;
  #process;
  #waiting = null;
  #since = null;

  /** @param {"ours" | "peer"} side */
  constructor(side) {
    this.side = side;
    this.#process = fork(fileURLToPath(new URL(`${side}.js`, import.meta.url)), { execArgv: [] });
    this.#process.on("message", ({ result, error }) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(`${side}: ${error}`));
    });
    this.#process.on("exit", (code, signal) => {
      this.#waiting?.reject(new Error(`${side} ended with ${signal ?? `code ${code}`}`));
    });
  }

  /** Resolves with the answer of serve.js; the process must have answered what came before. */
  async request(kind, rest = {}) {
    this.#noteIdle();
    const start = { ms: performance.now(), cpu: this.#cpuMs(), all: machineMs() };
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#process.send({ kind, ...rest });
      });
    } finally {
      this.#since = { ms: performance.now(), cpu: this.#cpuMs() };
      this.#noteForeign(start);
    }
  }

  /** Between two requests: what it ran though it had nothing to do. Short breaks are too coarse to tell. */
  #noteIdle() {
    const cpu = this.#cpuMs();
    if (!this.#since || cpu === null) return;
    const ms = performance.now() - this.#since.ms;
    if (ms >= MIN_MS) this.idle = Math.max(this.idle, (cpu - this.#since.cpu) / ms);
  }

  /** During a request: what ran on the machine beside this process. */
  #noteForeign(start) {
    const ms = performance.now() - start.ms;
    const all = machineMs();
    const cpu = this.#cpuMs();
    if (all === null || cpu === null || ms < MIN_MS) return;
    this.foreign = Math.max(this.foreign, (all - start.all - (cpu - start.cpu)) / ms);
  }

  /** Time that all its threads have run, in ms; null where the kernel does not say. */
  #cpuMs() {
    const fields = this.#proc("stat")?.split(") ").at(-1).split(" ");
    return fields ? (Number(fields[11]) + Number(fields[12])) * TICK_MS : null;
  }

  /** Resident memory in MB; null where the kernel does not say. */
  residentMB() {
    const found = /VmRSS:\s+(\d+)/.exec(this.#proc("status") ?? "");
    return found ? Number(found[1]) / 1000 : null;
  }

  /** Ends the process and waits until its memory is free. */
  async end() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await gone;
  }

  #proc(name) {
    try {
      return readFileSync(`/proc/${this.#process.pid}/${name}`, "utf8");
    } catch {
      return null;
    }
  }
}

/** Time that all cores have been busy, or kept from this machine, in ms; null where the kernel does not say. */
function machineMs() {
  try {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softirq + steal) * TICK_MS;
  } catch {
    return null;
  }
}
