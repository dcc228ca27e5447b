/**
 * The history: conversations in IndexedDB, on this machine only; what the store does not take stays in memory, and is said.
 * Does not know which conversation is shown.
 */
import { isEmpty, summaryOf } from "../state/conversation.js";
import type { Conversation, Summary } from "../state/types.js";

const NAME = "llama-ts";
const VERSION = 1;
const [WHOLE, SHORT] = ["conversations", "summaries"] as const;
const SAVE_MS = 150;

let database: Promise<IDBDatabase> | null = null;
const pending = new Map<string, Conversation>();
/** What the store did not take: it lasts until the tab closes. */
const unstored = new Map<string, Conversation>();
let timer = 0;

/** Called after each change with the conversation's id, and with the error if the store did not take it. */
export const listeners: { onSaved(id: string): void; onError(error: unknown): void } = {
  onSaved() {},
  onError() {},
};

/** How long the page was busy with the last write: one with many tokens is copied whole. */
export const cost = { saveMs: 0 };

function open(): Promise<IDBDatabase> {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(WHOLE, { keyPath: "id" });
      request.result.createObjectStore(SHORT, { keyPath: "id" });
    };
    request.onsuccess = () => {
      // A newer page in another tab may change the store.
      request.result.onversionchange = () => {
        request.result.close();
        database = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds the history open"));
  });
  database.catch(() => {
    database = null;
  });
  return database;
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Keeps a conversation; several changes in a short time are one write. */
export function saveSoon(conversation: Conversation): void {
  pending.set(conversation.id, conversation);
  clearTimeout(timer);
  timer = window.setTimeout(() => void flush(), SAVE_MS);
}

/** What waits to be written. */
export function waiting(): Conversation[] {
  return [...pending.values()].filter((one) => !isEmpty(one));
}

/** Writes what waits. */
export async function flush(): Promise<void> {
  clearTimeout(timer);
  const all = waiting();
  pending.clear();
  if (all.length > 0) await save(all);
}

/** Writes conversations; the listener hears of an error. */
export async function save(conversations: readonly Conversation[]): Promise<void> {
  try {
    const transaction = (await open()).transaction([WHOLE, SHORT], "readwrite");
    const startedAt = performance.now();
    for (const one of conversations) {
      transaction.objectStore(WHOLE).put(one);
      transaction.objectStore(SHORT).put(summaryOf(one));
    }
    cost.saveMs = performance.now() - startedAt;
    await finished(transaction);
    for (const { id } of conversations) unstored.delete(id);
  } catch (error) {
    for (const one of conversations) unstored.set(one.id, one);
    listeners.onError(error);
  }
  for (const { id } of conversations) listeners.onSaved(id);
}

/** All conversations in short, the newest first. */
export async function readSummaries(): Promise<Summary[]> {
  const stored = (await getAll(SHORT)) as Summary[];
  const kept = stored.filter(({ id }) => !unstored.has(id));
  return [...kept, ...[...unstored.values()].map(summaryOf)].sort((a, b) => b.updatedAt - a.updatedAt);
}

/** Empty without a store, of which the listener hears. */
async function getAll(name: string): Promise<unknown[]> {
  try {
    return await result((await open()).transaction(name).objectStore(name).getAll());
  } catch (error) {
    listeners.onError(error);
    return [];
  }
}

/** A conversation as it is now, with what waits to be written. */
export async function readConversation(id: string): Promise<Conversation | null> {
  await flush();
  return readStored(id);
}

/** A conversation as it is in the store. */
export async function readStored(id: string): Promise<Conversation | null> {
  const held = unstored.get(id);
  if (held) return held;
  const store = (await open()).transaction(WHOLE).objectStore(WHOLE);
  return ((await result(store.get(id))) as Conversation | undefined) ?? null;
}

export async function readAll(): Promise<Conversation[]> {
  await flush();
  const stored = (await getAll(WHOLE)) as Conversation[];
  return [...stored.filter(({ id }) => !unstored.has(id)), ...unstored.values()];
}

/** Removes a conversation; null: all. */
export async function remove(id: string | null): Promise<void> {
  const held = [pending, unstored];
  for (const map of held) id === null ? map.clear() : map.delete(id);
  const transaction = (await open()).transaction([WHOLE, SHORT], "readwrite");
  for (const name of [WHOLE, SHORT]) {
    const store = transaction.objectStore(name);
    if (id === null) store.clear();
    else store.delete(id);
  }
  await finished(transaction);
  listeners.onSaved(id ?? "");
}
