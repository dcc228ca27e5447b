/** Asks all workers how they are, and answers for one. The question is a message to all; who is busy still answers. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { isObject } from "../../formats/files/json-value.js";
import type { Net } from "../../net/nats/net.js";

/** What a worker says of itself. */
export interface WorkerStatus {
  /** HOST:PID */
  name: string;
  /** Name of its model in subjects. */
  model: string;
  dtype: string;
  version: string;
  /** Requests that run, and that may run at once. */
  running: number;
  rows: number;
  /** New tokens since its start. */
  tokens: number;
  seconds: number;
}

const QUESTION = "lts.ask";
const ANSWER = "lts.stat";
const NUMBERS = ["running", "rows", "tokens", "seconds"] as const;
const TEXTS = ["name", "model", "dtype", "version"] as const;
/** Workers that are listed at most, whatever comes. */
const MAX_WORKERS = 10_000;

/** Answers for this process until the connection ends. `status` is called for each question. */
export async function answerStatus(net: Net, status: () => Omit<WorkerStatus, "name">): Promise<void> {
  const name = `${hostname()}:${process.pid}`;
  for await (const { subject } of net.subscribe(`${QUESTION}.*`)) {
    const [, , question = ""] = subject.split(".");
    const data = new TextEncoder().encode(JSON.stringify({ name, ...status() }));
    if (net.isConnected) net.publish(`${ANSWER}.${question}`, data);
  }
}

/** What the workers say within `ms`. */
export async function askWorkers(net: Net, ms: number): Promise<WorkerStatus[]> {
  const question = randomBytes(8).toString("hex");
  const answers = net.subscribe(`${ANSWER}.${question}`);
  await net.flush();
  net.publish(`${QUESTION}.${question}`, new Uint8Array(0));
  const timer = setTimeout(() => answers.close(), ms);
  const found = new Map<string, WorkerStatus>();
  for await (const { data } of answers) {
    const status = readStatus(data);
    if (status && found.size < MAX_WORKERS) found.set(`${status.name} ${status.model}`, status);
  }
  clearTimeout(timer);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Null for what no worker of this version says. */
function readStatus(data: Uint8Array): WorkerStatus | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    if (!isObject(value)) return null;
    const isGood =
      NUMBERS.every((key) => Number.isFinite(value[key])) &&
      TEXTS.every((key) => /^[\x21-\x7e]{1,200}$/.test(String(value[key] ?? "")));
    return isGood ? (value as unknown as WorkerStatus) : null;
  } catch {
    return null;
  }
}
