/** A real `llama-ts serve` on a free port, for the tests. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { BIN } from "../cli/cli-process.js";

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any form
export type Json = any;

export interface ServerProcess {
  url: string;
  port: number;
  child: ChildProcess;
  /** All of stderr so far. */
  stderr(): string;
  /** Exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
  json(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: Json }>;
  /** Choices that run and wait. */
  counts(): Promise<{ running: number; waiting: number }>;
}

/** Starts a server on the demo model and waits until it is ready, unless told otherwise. It ends with the tests of the file. */
export async function startServer(
  args: readonly string[] = [],
  { env = {}, isReady = true, key }: { env?: NodeJS.ProcessEnv; isReady?: boolean; key?: string } = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [BIN, "serve", "--port", "0", "--color", "never", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, LLAMA_TS_CONFIG: "", ...env },
  });
  // It keeps nothing waiting: the tests' end is its end.
  process.on("exit", () => child.kill("SIGKILL"));
  let text = "";
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? signal!));
  });
  const until = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(text);
        if (found) resolve(found[1] ?? "");
      };
      child.stderr!.on("data", look);
      void ended.then((code) => reject(new Error(`the server ended with ${code}: ${text}`)));
      look();
    });
  child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const url = await until(/^Serving .* at (https?:\S+)\/v1$/m);
  if (isReady) await until(/^Ready: /m);
  child.unref();
  (child.stderr as Socket).unref();
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const server: ServerProcess = {
    ...{ url, port: Number(new URL(url).port), child, stderr: () => text },
    ended() {
      child.ref();
      return ended;
    },
    async json(path, body, headers = {}) {
      const init = {
        method: body === undefined ? "GET" : "POST",
        headers: { ...authorization, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      };
      const response = await fetch(`${url}${path}`, init);
      return { status: response.status, body: await response.json() };
    },
    async counts() {
      const metrics = await (await fetch(`${url}/metrics`, { headers: authorization })).text();
      const value = (name: string) => Number(new RegExp(`^llama_ts_${name} (\\d+)$`, "m").exec(metrics)![1]);
      return { running: value("requests_running"), waiting: value("requests_waiting") };
    },
  };
  return server;
}

/** Waits until no choice runs or waits. */
export async function untilIdle(server: ServerProcess, milliseconds = 5000): Promise<void> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const { running, waiting } = await server.counts();
    if (running + waiting === 0) return;
    if (Date.now() > end) throw new Error(`${running} run and ${waiting} wait`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Waits until the counts of choices are as told; a request that has ended too early is an error, not a wait without end. */
export async function untilCounts(
  server: ServerProcess,
  hold: (counts: { running: number; waiting: number }) => boolean,
  milliseconds = 20_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const counts = await server.counts();
    if (hold(counts)) return;
    if (Date.now() > end) throw new Error(`${counts.running} run and ${counts.waiting} wait`);
    await new Promise((done) => setTimeout(done, 1));
  }
}
