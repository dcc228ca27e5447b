/** Asks the server: JSON in and out, with the key, and errors of one kind. Does not know what the routes mean. */
import { recall, remember } from "../state/tab-memory.js";

const KEY = "llama-ts key";

/** An answer that is an error, or none at all. */
export class WireError extends Error {
  override readonly name = "WireError";
  /** 0: no answer. */
  readonly status: number;
  /** The server's word; "gone": no answer; "cut": the stream ended too early; "broken": what came cannot be read. */
  readonly code: string;
  /** Milliseconds until it is worth asking again; null: not said. */
  readonly retryAfterMs: number | null;
  /** The error object. */
  readonly fields: Record<string, unknown>;

  constructor(status: number, code: string, message: string, fields: Record<string, unknown> = {}, retry?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfterMs = retry ?? null;
  }
}

/** The key for this tab; it goes when the tab closes. */
export function keepKey(key: string): void {
  remember(KEY, key === "" ? null : key);
}

export function hasKey(): boolean {
  return recall(KEY) !== null;
}

/** The response, if it is not an error. Throws WireError, or what `signal` was aborted with. Addresses are relative to the page's. */
export async function ask(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const key = recall(KEY);
  const headers: Record<string, string> = { accept: "application/json, text/event-stream" };
  if (key !== null) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      ...{ method: body === undefined ? "GET" : "POST", headers, cache: "no-store", credentials: "omit" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch {
    signal?.throwIfAborted();
    throw new WireError(0, "gone", "The server does not answer");
  }
  if (response.ok) return response;
  throw await errorOf(response);
}

/** The JSON of an answer. */
export async function askJson<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, body, signal);
  try {
    return (await response.json()) as T;
  } catch {
    signal?.throwIfAborted();
    throw new WireError(response.status, "broken", "The server's answer cannot be read");
  }
}

async function errorOf(response: Response): Promise<WireError> {
  const text = await response.text().catch(() => "");
  let fields: Record<string, unknown> = {};
  try {
    fields = (JSON.parse(text) as { error?: Record<string, unknown> }).error ?? {};
  } catch {
    // A proxy's error has another form.
  }
  const { code, message } = fields;
  const retry = Number(response.headers.get("retry-after-ms") ?? Number.NaN);
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const wait = Number.isFinite(retry) ? retry : Number.isFinite(seconds) ? seconds * 1000 : undefined;
  const words = typeof message === "string" ? message : `The server answered with status ${response.status}`;
  return new WireError(response.status, typeof code === "string" ? code : "", words, fields, wait);
}
