/**
 * Many requests of the demo model by a queue while workers, collector and server are killed (kill -9) and started again at
 * random. The output must be that of a run without faults. As a program: npm run soak:queue -- --requests 100000
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createRandom } from "../../src/generation/sampling/random.js";
import { connect } from "../../src/net/nats/net.js";
import { COLLECTOR, WORKERS } from "../../src/net/queue/layout.js";
import { BIN, llama } from "../cli/cli-process.js";
import { type NatsBinary, NatsServer, natsBinaries } from "./nats-server.js";

export interface QueueSoakOptions {
  requests: number;
  seed: number;
  /** Times that something is killed, spread over the run. */
  faults: number;
  workers: { least: number; most: number };
  binary?: NatsBinary;
  /** Seconds until the request of a lost worker goes to another. */
  ackWait: number;
  onProgress?: (line: string) => void;
}

export interface QueueSoakResult {
  seconds: number;
  localSeconds: number;
  killed: { workers: number; collectors: number; servers: number };
}

/** Time without a further record, beside what faults take. */
const HANGS_MS = 120_000;
const PROMPTS = ["Once upon a time", "Tom and his dog", "The sun was", "Lily had a red ball", "One day"];

export async function queueSoak(options: QueueSoakOptions): Promise<QueueSoakResult> {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-soak-"));
  const server = await NatsServer.start({
    folder: join(folder, "nats"),
    ...(options.binary && { binary: options.binary }),
  });
  const soak = new QueueSoak(options, folder, server);
  try {
    return await soak.run();
  } finally {
    soak.killAll();
    await server.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

class QueueSoak {
  readonly #options: QueueSoakOptions;
  readonly #folder: string;
  readonly #server: NatsServer;
  readonly #random: () => number;
  readonly #workers = new Set<ChildProcess>();
  readonly #killed = { workers: 0, collectors: 0, servers: 0 };
  #collector: ChildProcess | null = null;
  #log = "";

  constructor(options: QueueSoakOptions, folder: string, server: NatsServer) {
    this.#options = options;
    this.#folder = folder;
    this.#server = server;
    this.#random = createRandom(options.seed);
  }

  async run(): Promise<QueueSoakResult> {
    const { requests, faults, workers, onProgress } = this.#options;
    writeFileSync(this.#path("in.jsonl"), inputOf(requests));
    const start = performance.now();
    const local = await llama(["batch", this.#path("in.jsonl"), "-o", this.#path("local.jsonl"), ...LINE], {
      timeout: 3_600_000,
    });
    assert.equal(local.code, 0, local.stderr);
    const localSeconds = (performance.now() - start) / 1000;
    onProgress?.(`without a queue: ${localSeconds.toFixed(1)} s`);

    const begin = performance.now();
    for (let i = 0; i < workers.least; i++) this.#startWorker();
    this.#startCollector();
    // Of the file's final length: at which part the next fault comes.
    const length = statSync(this.#path("local.jsonl")).size;
    const places = Array.from({ length: faults }, (_, i) => ((i + this.#random()) / (faults + 1)) * length);
    let last = { size: 0, at: performance.now() };
    while (this.#collector) {
      const size = this.#size();
      if (size !== last.size) last = { size, at: performance.now() };
      if (performance.now() - last.at > HANGS_MS) {
        assert.fail(`hangs at ${size} of ${length} bytes\n${await this.#state()}\n${this.#log}`);
      }
      if (places.length > 0 && size >= places[0]!) {
        places.shift();
        const what = await this.#fault(faults - places.length - 1);
        onProgress?.(`${((size / length) * 100).toFixed(0)} %: ${what}`);
      }
      await sleep(10);
    }
    const seconds = (performance.now() - begin) / 1000;
    this.#compare();
    assert.ok(!existsSync(this.#path("out.jsonl.job")), "the job's file stayed");
    return { seconds, localSeconds, killed: this.#killed };
  }

  /** Each line once, equal to that of the run without faults. */
  #compare(): void {
    const [found, expected] = [this.#lines("out.jsonl"), this.#lines("local.jsonl")];
    const [have, want] = [new Set(found), new Set(expected)];
    const missing = expected.filter((line) => !have.has(line));
    const wrong = found.filter((line) => !want.has(line));
    const context = JSON.stringify({ killed: this.#killed, lines: found.length, missing, wrong }, null, 1);
    assert.ok(missing.length + wrong.length === 0 && found.length === expected.length, `${context}\n${this.#log}`);
  }

  killAll(): void {
    for (const child of [...this.#workers, this.#collector]) child?.kill("SIGKILL");
  }

  /** What the server has, for the report of a run that hangs. */
  async #state(): Promise<string> {
    const net = await connect({ servers: [this.#server.url], name: "soak" });
    const streams = await net.streams();
    const lines: string[] = [];
    for (const name of [...(await streams.streamNames("lts.req.>")), ...(await streams.streamNames("lts.ans.>"))]) {
      const consumer = await streams.consumerState(name, name.startsWith("LTS_REQ") ? WORKERS : COLLECTOR);
      lines.push(`${name} ${JSON.stringify(await streams.streamState(name))} ${JSON.stringify(consumer)}`);
    }
    await net.close();
    return lines.join("\n");
  }

  /** The first faults are one of each kind. */
  async #fault(index: number): Promise<string> {
    const kind = index < 3 ? index : Math.floor(this.#random() * 8);
    if (kind === 1) return this.#killCollector();
    if (kind === 2) {
      this.#killed.servers++;
      await this.#server.kill();
      await this.#server.restart();
      return "server";
    }
    const { least, most } = this.#options.workers;
    const [worker] = [...this.#workers].sort(() => this.#random() - 0.5);
    if (this.#workers.size >= least) {
      worker!.kill("SIGKILL");
      this.#workers.delete(worker!);
      this.#killed.workers++;
    }
    const count = least + Math.floor(this.#random() * (most - least + 1));
    while (this.#workers.size < count) this.#startWorker();
    return `worker, ${this.#workers.size} now`;
  }

  async #killCollector(): Promise<string> {
    const child = this.#collector!;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
    await ended;
    this.#killed.collectors++;
    this.#startCollector("--resume");
    return "collector";
  }

  #startWorker(): void {
    const child = this.#spawn(["worker", "--queue", this.#server.url]);
    this.#workers.add(child);
    child.once("exit", (code) => {
      // Killed ones were taken out before.
      if (this.#workers.delete(child)) this.#log += `a worker ended with ${code}\n`;
    });
  }

  #startCollector(...more: string[]): void {
    const lines = ["batch", this.#path("in.jsonl"), "-o", this.#path("out.jsonl"), ...LINE, ...more];
    const child = this.#spawn([...lines, "--queue", this.#server.url, "--ack_wait", `${this.#options.ackWait}`]);
    this.#collector = child;
    child.once("exit", (code, signal) => {
      this.#collector = null;
      if (code !== 0) this.#log += `the collector ended with ${code ?? signal}\n`;
    });
  }

  #spawn(args: string[]): ChildProcess {
    const child = spawn(process.execPath, [BIN, ...args, "--no_supervisor"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, LLAMA_TS_CONFIG: "" },
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
    return child;
  }

  #size(): number {
    return existsSync(this.#path("out.jsonl")) ? statSync(this.#path("out.jsonl")).size : 0;
  }

  /** In the order of the input, without the order of the output. */
  #lines(name: string): string[] {
    const number = (line: string) => Number(/"line":(\d+)/.exec(line)![1]);
    const lines = readFileSync(this.#path(name), "utf8").trimEnd().split("\n");
    return lines.sort((a, b) => number(a) - number(b));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

/** Options of every run. */
const LINE = ["--max_gen_len", "4", "--seed", "7", "--quiet"];

function inputOf(requests: number): string {
  const lines = Array.from({ length: requests }, (_, i) => {
    return JSON.stringify({ id: `r${i}`, prompt: `${PROMPTS[i % PROMPTS.length]} ${i}`, metadata: { n: i } });
  });
  return `${lines.join("\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "100000" },
      faults: { type: "string", default: "40" },
      seed: { type: "string", default: `${Date.now() % 1e6}` },
      workers: { type: "string", default: "6" },
    },
  });
  const [requests, faults, seed, most] = [values.requests, values.faults, values.seed, values.workers].map(Number);
  console.log(`nats-server ${natsBinaries[0]?.version ?? "is not here"}; seed ${seed}`);
  const result = await queueSoak({
    ...{ requests: requests!, faults: faults!, seed: seed!, workers: { least: 2, most: most! }, ackWait: 5 },
    onProgress: (line) => console.log(line),
  });
  console.log(JSON.stringify(result));
}
