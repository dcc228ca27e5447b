/** Follows the state of the server: asks until the model is ready, again when it is gone, and rarely in between. */
import { askJson, hasKey, keepKey, WireError } from "../wire/api.js";
import { model, server } from "./store.js";
import type { Model, Settings } from "./types.js";

/** At first, and at most: a large model loads for minutes, and each question is a line in the log of the server. */
const LOADING_MS = { first: 400, most: 3000, growth: 1.1 };
const READY_MS = 60_000;
const BUSY_MS = 3_000;
/** Between tries of a server that is gone. */
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];

let timer = 0;
let tries = 0;
let loadingMs = LOADING_MS.first;

interface Props {
  default_generation_settings: { n_ctx: number; params: Record<string, number | string[] | null> };
  model_path: string;
  chat_format: string;
  build_info: { dtype: string; ranks: number; version: string };
}

/** Begins to follow the server. */
export function followServer(): void {
  void look();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void look();
  });
}

/** Asks now. */
export async function look(): Promise<void> {
  clearTimeout(timer);
  const wait = await check();
  clearTimeout(timer);
  if (wait !== null) timer = window.setTimeout(look, wait);
}

/** Uses this key from now on. */
export function useKey(key: string): Promise<void> {
  keepKey(key.trim());
  return look();
}

/** What a failed request says about the server. */
export function noteFailure(error: unknown): void {
  if (!(error instanceof WireError)) return;
  const { code, status } = error;
  const isState = status === 401 || ["gone", "cut", "draining", "engine_failed", "loading"].includes(code);
  if (isState) void look();
}

/** Asks once; returns the milliseconds until it is worth asking again, null: never by itself. */
async function check(): Promise<number | null> {
  try {
    await askJson("health");
    if (model.value === null || server.value.kind !== "ready") model.value = await readModel();
    tries = 0;
    loadingMs = LOADING_MS.first;
    server.value = { kind: "ready" };
    return document.visibilityState === "visible" ? READY_MS : null;
  } catch (error) {
    return noteRefusal(error as WireError);
  }
}

function noteRefusal(error: WireError): number | null {
  const { status, code, fields } = error;
  if (status === 401) {
    server.value = { kind: "key-wanted", isWrong: hasKey() };
    return null;
  }
  if (code === "loading") {
    const { bytes, total } = (fields.progress ?? {}) as { bytes?: number; total?: number };
    server.value = { kind: "loading", part: bytes !== undefined && total ? Math.min(1, bytes / total) : null };
    loadingMs = Math.min(LOADING_MS.most, loadingMs * LOADING_MS.growth);
    return loadingMs;
  }
  if (code === "draining" || code === "engine_failed") {
    server.value = { kind: code === "draining" ? "draining" : "failed" };
    return BUSY_MS;
  }
  const wait = RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]!;
  server.value = { kind: "gone", tries, retryAt: Date.now() + wait };
  return wait;
}

async function readModel(): Promise<Model> {
  const props = await askJson<Props>("props");
  const { n_ctx: context, params } = props.default_generation_settings;
  const { dtype, ranks, version } = props.build_info;
  const { max_gen_len: max, ...defaults } = params;
  return {
    ...{ name: props.model_path, context, chatFormat: props.chat_format ?? "none" },
    defaults: { ...defaults, max_tokens: max ?? null } as Record<keyof Settings, number | string[] | null>,
    build: `${dtype}, ${ranks} ${ranks === 1 ? "rank" : "ranks"}, llama-ts ${version}`,
  };
}
