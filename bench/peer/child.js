/** The parent's side of a child process that runs one program of the comparison, one request at a time. */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The clock tick of /proc, the same on all Linux systems. */
const TICK_MS = 10;
const MIN_MS = 500;

export class Child {
  /** Largest share of a core that it used between requests. */
  idle = 0;
  /** Largest share of a core that other programs used during a request. */
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
      this.#waiting?.reject(new Error(`${side} exited with ${signal ?? `code ${code}`}`));
    });
  }

  /** Resolves with the answer of serve.js; earlier requests must be answered first. */
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

  /** Records its CPU use between two requests; breaks that are too short to measure are ignored. */
  #noteIdle() {
    const cpu = this.#cpuMs();
    if (!this.#since || cpu === null) return;
    const ms = performance.now() - this.#since.ms;
    if (ms >= MIN_MS) this.idle = Math.max(this.idle, (cpu - this.#since.cpu) / ms);
  }

  /** Records the CPU use of other programs during a request. */
  #noteForeign(start) {
    const ms = performance.now() - start.ms;
    const all = machineMs();
    const cpu = this.#cpuMs();
    if (all === null || cpu === null || ms < MIN_MS) return;
    this.foreign = Math.max(this.foreign, (all - start.all - (cpu - start.cpu)) / ms);
  }

  /** CPU time of all its threads in ms; null if the kernel does not report it. */
  #cpuMs() {
    const fields = this.#proc("stat")?.split(") ").at(-1).split(" ");
    return fields ? (Number(fields[11]) + Number(fields[12])) * TICK_MS : null;
  }

  /** Resident memory in MB; null if the kernel does not report it. */
  residentMB() {
    const found = /VmRSS:\s+(\d+)/.exec(this.#proc("status") ?? "");
    return found ? Number(found[1]) / 1000 : null;
  }

  /** Kills the process and waits until its memory is free. */
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

/** Time in ms that all cores were busy or not available to this machine (steal); null if the kernel does not report it. */
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
