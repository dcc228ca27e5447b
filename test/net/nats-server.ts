/** Starts real NATS servers for tests, each with its own port, store and rules: stopped, killed, frozen and started again at the same place. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program `nats-server`, and its version as numbers. */
export interface NatsBinary {
  path: string;
  version: string;
  /** 2.10 and later sync each message if their configuration says so. */
  syncsAlways: boolean;
}

export interface NatsServerOptions {
  /** Default: the first of `natsBinaries`. */
  binary?: NatsBinary;
  /** Its folder, for the store too; default: a temporary one that is removed at the end of the process. */
  folder?: string;
  /** Secret that every client needs. */
  token?: string;
  /** Text of a configuration that is taken in: users, permissions, accounts. */
  rules?: string;
  /** Files of TLS; with `ca`, clients need a certificate too. */
  tls?: { cert: string; key: string; ca?: string };
  /** Bytes; default: NATS's own 1 MiB. */
  maxPayload?: number;
  /** Bytes that JetStream may keep in files. */
  maxFile?: number;
  /** Without it the server has no JetStream. */
  jetstream?: boolean;
  /** Store each message before it is acknowledged, where the server can. */
  sync?: boolean;
  host?: string;
}

const START_MS = 15_000;
const INSTALLED = fileURLToPath(new URL("../../../.nats/bin", import.meta.url));

/** Every server that is here: NATS_SERVER (several as in PATH), PATH, what .ci/run has installed, Go's folder; one a version. */
export const natsBinaries: readonly NatsBinary[] = findBinaries();

/** Value for a test's `skip`. */
export const withoutNats: string | false =
  natsBinaries.length > 0 ? false : "nats-server is not here (apt-get install nats-server)";

function findBinaries(): NatsBinary[] {
  const { NATS_SERVER: named = "", PATH = "", GOBIN, GOPATH = join(homedir(), "go") } = process.env;
  const folders = [...PATH.split(delimiter), "/usr/sbin", INSTALLED, GOBIN ?? join(GOPATH, "bin")];
  const paths = [...named.split(delimiter), ...folders.map((folder) => join(folder, "nats-server"))];
  const found = new Map<string, NatsBinary>();
  for (const path of paths) {
    if (path === "" || !existsSync(path)) continue;
    try {
      const text = execFileSync(path, ["--version"], { encoding: "utf8", timeout: START_MS });
      const [, version, major, minor] = /v((\d+)\.(\d+)\.\d+)/.exec(text) ?? [];
      if (version === undefined || found.has(version)) continue;
      found.set(version, { path, version, syncsAlways: Number(major) > 2 || Number(minor) >= 10 });
    } catch {
      // Not a program for this machine.
    }
  }
  return [...found.values()];
}

/** A running server. `await using` stops it; what the tests of a file forget is killed after them. */
export class NatsServer {
  readonly folder: string;
  readonly binary: NatsBinary;
  port = -1;
  readonly #options: NatsServerOptions;
  #child: ChildProcess | null = null;
  #log = "";

  private constructor(options: NatsServerOptions) {
    this.#options = options;
    this.binary = options.binary ?? natsBinaries[0]!;
    this.folder = options.folder ?? temporary();
    mkdirSync(this.folder, { recursive: true });
  }

  /** Starts one; throws its own words if it ends at once. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(options);
    await server.restart();
    return server;
  }

  get url(): string {
    return `${this.#options.tls ? "tls" : "nats"}://${this.#options.host ?? "127.0.0.1"}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What it has logged since it was started the last time. */
  get log(): string {
    return this.#log;
  }

  /** Starts it again, at the same port with the same store. */
  async restart(): Promise<void> {
    await this.stop();
    const file = join(this.folder, "server.conf");
    writeFileSync(file, this.#config(), { mode: 0o600 });
    this.#log = "";
    const child = spawn(this.binary.path, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    running.add(child);
    const ended = new Promise<void>((resolve) => child.once("exit", resolve));
    void ended.then(() => running.delete(child));
    const ready = new Promise<boolean>((resolve) => {
      child.stderr!.setEncoding("utf8").on("data", (text: string) => {
        this.#log = (this.#log + text).slice(-100_000);
        if (this.#log.includes("Server is ready")) resolve(true);
      });
    });
    const timer = new AbortController();
    const late = new Promise<boolean>((resolve) => {
      const id = setTimeout(() => resolve(false), START_MS);
      timer.signal.addEventListener("abort", () => clearTimeout(id));
    });
    const isReady = await Promise.race([ready, ended.then(() => false), late]);
    timer.abort();
    if (!isReady) {
      child.kill("SIGKILL");
      throw new Error(`nats-server ${this.binary.version} does not start:\n${this.#log}`);
    }
    this.port = Number(/Listening for client connections on \S*:(\d+)/.exec(this.#log)![1]);
  }

  /** SIGTERM, which closes all connections; returns when it has ended. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** kill -9. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** SIGSTOP and SIGCONT: connections stay, and nothing answers. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  #config(): string {
    const { token, rules, tls, maxPayload, maxFile, jetstream = true, sync, host = "127.0.0.1" } = this.#options;
    const store = JSON.stringify(join(this.folder, "store"));
    const lines = [`host: "${host}"`, `port: ${this.port}`];
    if (jetstream) {
      const limit = maxFile === undefined ? "" : `, max_file_store: ${maxFile}`;
      const always = sync && this.binary.syncsAlways ? ", sync_interval: always" : "";
      lines.push(`jetstream { store_dir: ${store}${limit}${always} }`);
    }
    if (maxPayload !== undefined) lines.push(`max_payload: ${maxPayload}`);
    if (maxPayload !== undefined && maxPayload > 64 << 20) lines.push(`max_pending: ${maxPayload}`);
    if (token !== undefined) lines.push(`authorization { token: "${token}" }`);
    if (tls) {
      const ca = tls.ca === undefined ? "" : `, ca_file: "${tls.ca}", verify: true`;
      lines.push(`tls { cert_file: "${tls.cert}", key_file: "${tls.key}"${ca}, timeout: 5 }`);
    }
    if (rules !== undefined) lines.push(rules);
    return `${lines.join("\n")}\n`;
  }
}

const running = new Set<ChildProcess>();
const folders: string[] = [];
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 });
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-nats-"));
  folders.push(folder);
  return folder;
}

/** The first block of a page in docs/ that is fenced with this word and holds `mark`. */
export function documentBlock(page: string, word: string, mark: string): string {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
  for (const [, block] of text.matchAll(new RegExp(`\`\`\`${word}\\n([\\s\\S]*?)\`\`\``, "g"))) {
    if (block!.includes(mark)) return block!;
  }
  throw new Error(`docs/${page} has no block of ${word} with ${mark}`);
}
