/** The NATS server that node 0 starts where its own address is the endpoint and nothing answers there. Does not know groups. */
import { type ChildProcess, spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { LlamaError } from "../../error.js";
import { isLoopback } from "../../server/http/access.js";
import { RDZV_TOKEN } from "./rdzv-options.js";

/** Where packages put it, although users may not have it in their PATH. */
const OTHER_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];
const START_MS = 10_000;
/** Time for an orderly end. */
const END_MS = 2000;

export interface ServerSetup {
  host: string;
  port: number;
  token: string | undefined;
  tls: { cert?: string; key?: string; ca?: string };
}

/** Whether a host name or address is this machine's. */
export async function isOwnAddress(host: string): Promise<boolean> {
  const name = host.replace(/^\[|\]$/g, "");
  if (isLoopback(name)) return true;
  try {
    const found = await lookup(name, { all: true });
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    return found.some(({ address }) => isLoopback(address) || own.some((one) => one.address === address));
  } catch {
    // A name that nobody knows is not this machine's.
    return false;
  }
}

export class OwnServer {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.pid = child.pid!;
  }

  /** Starts nats-server. Throws LlamaError (usage) if it is not installed, or others could use it without a secret; (runtime) if it does not start. */
  static async start(setup: ServerSetup): Promise<OwnServer> {
    const host = setup.host.replace(/^\[|\]$/g, "");
    if (setup.token === undefined && !isLoopback(host)) {
      throw new LlamaError("usage", "other machines could use the server without a secret", {
        where: `--rdzv_endpoint ${setup.host}`,
        fix: `Set ${RDZV_TOKEN} to the same text on all hosts`,
      });
    }
    const program = findProgram();
    const folder = mkdtempSync(join(tmpdir(), "llama-ts-nats-"));
    try {
      const file = join(folder, "server.conf");
      // The secret is in a file of mode 600, not on the command line.
      writeFileSync(file, configOf(setup, host, folder), { mode: 0o600 });
      const child = spawn(program, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
      await started(child, setup);
      child.stderr!.removeAllListeners("data").resume();
      (child.stderr as unknown as { unref(): void }).unref();
      child.unref();
      return new OwnServer(child, folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) {
      const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
      this.#child.ref();
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function findProgram(): string {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...OTHER_FOLDERS]) {
    const path = join(folder, process.platform === "win32" ? "nats-server.exe" : "nats-server");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  throw new LlamaError("usage", "nats-server is not installed", {
    where: "--rdzv_endpoint",
    fix: "Install it on this host (apt-get install nats-server, brew install nats-server, or https://nats.io), or name a server that runs",
  });
}

function configOf({ port, token, tls }: ServerSetup, host: string, folder: string): string {
  const lines = [
    `listen: ${JSON.stringify(`${host.includes(":") ? `[${host}]` : host}:${port}`)}`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, "store"))}, max_file_store: 64MB, max_memory_store: 16MB }`,
  ];
  if (token !== undefined) lines.push(`authorization { token: ${JSON.stringify(token)} }`);
  const { cert, key } = tls;
  if (cert && key) lines.push(`tls { cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)} }`);
  return `${lines.join("\n")}\n`;
}

/** Resolves when it takes connections. */
function started(child: ChildProcess, { host, port }: ServerSetup): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    const fail = (found: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new LlamaError("runtime", "nats-server does not start", { where: `${host}:${port}`, found }));
    };
    const timer = setTimeout(() => fail(`nothing after ${START_MS / 1000} s`), START_MS);
    child.on("error", (error) => fail(error.message));
    child.once("exit", () =>
      fail(
        log
          .trim()
          .split("\n")
          .at(-1)
          ?.replace(/^\S+ \S+ \S+ /, "") ?? "no message",
      ),
    );
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-10_000);
      if (!log.includes("Server is ready")) return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve();
    });
  });
}
