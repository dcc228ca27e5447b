/** Which conversation is shown: opens, begins and removes conversations, keeps the draft, and tells other tabs. */
import { effect } from "@preact/signals";
import { keepProgress, stopRun } from "../actions/run.js";
import { emptyConversation, isEmpty, titleOf } from "../state/conversation.js";
import * as store from "../state/store.js";
import { recall, remember } from "../state/tab-memory.js";
import type { Conversation, Mode } from "../state/types.js";
import { flush, listeners, readConversation, readStored, readSummaries, remove, save, waiting } from "./database.js";

const OPEN = "llama-ts open";
const DRAFT = "llama-ts draft";
const MODE = "llama-ts mode";
const RESCUE = "llama-ts rescue";
const CHANNEL = "llama-ts history";

/** Whether the history has failed: it says so once. */
export const storeError: { seen: boolean } = { seen: false };

let channel: BroadcastChannel | null = null;
let listTimer = 0;

/** Opens what this tab had open before, and begins to follow the history. */
export async function startSession(): Promise<void> {
  listeners.onSaved = (id) => {
    channel?.postMessage(id);
    refreshSoon();
  };
  listeners.onError = () => {
    if (storeError.seen) return;
    storeError.seen = true;
    store.warning.value = "This browser keeps no history here: what you write is lost when the tab closes.";
  };
  channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  channel?.addEventListener("message", ({ data }) => void onOtherTab(String(data)));
  await rescue();
  store.draft.value = recall(DRAFT) ?? "";
  const id = recall(OPEN);
  const found = id === null ? null : await readConversation(id).catch(() => null);
  if (found && isEmpty(store.conversation.value)) show(found);
  effect(() => {
    remember(OPEN, store.conversation.value.id);
    remember(DRAFT, store.draft.value);
  });
  effect(() => {
    const { value } = store.conversation;
    document.title = isEmpty(value) ? "llama-ts" : `${titleOf(value)} – llama-ts`;
  });
  effect(chooseMode);
  addEventListener("pagehide", leave);
  store.summaries.value = await readSummaries();
}

/** The page goes: a database may be cut off now, the memory of the tab is written at once. */
function leave(): void {
  keepProgress();
  const all = waiting();
  if (all.length > 0) remember(RESCUE, JSON.stringify(all));
  void flush();
}

/** Keeps what the page held when it went. */
async function rescue(): Promise<void> {
  const text = recall(RESCUE);
  if (text === null) return;
  remember(RESCUE, null);
  await save(JSON.parse(text) as Conversation[]);
}

/** A model without a chat format continues text; else the mode used last. */
function chooseMode(): void {
  const model = store.model.value;
  const { value } = store.conversation;
  if (model === null || !isEmpty(value) || recall(MODE) !== null) return;
  const mode = model.chatFormat === "none" ? "complete" : "chat";
  if (value.mode !== mode) store.conversation.value = { ...value, mode };
}

function show(conversation: Conversation): void {
  store.conversation.value = conversation;
  store.problem.value = null;
  store.editing.value = null;
  store.cursor.value = conversation.document.text.length;
}

/** Opens a conversation of the history. What runs is stopped first. */
export async function openConversation(id: string): Promise<void> {
  if (store.conversation.value.id === id) return;
  await endRun();
  const found = await readConversation(id).catch(() => null);
  if (found) show(found);
  else store.notify("It is no longer in the history");
}

/** Begins an empty conversation. */
export async function startNew(mode: Mode = store.conversation.value.mode): Promise<void> {
  // What is typed at once belongs to the new one: the old one may be written later.
  if (store.live.value === null) void flush();
  else await endRun();
  const { settings, system } = store.conversation.value;
  show({ ...emptyConversation(mode), settings, system });
}

/** Goes to the other mode: in the same conversation while it is empty, else in a new one. */
export async function chooseModeByHand(mode: Mode): Promise<void> {
  remember(MODE, mode);
  const { value } = store.conversation;
  if (value.mode === mode) return;
  if (isEmpty(value)) store.conversation.value = { ...value, mode };
  else await startNew(mode);
}

/** Removes a conversation from the history; null: all. */
export async function removeConversation(id: string | null): Promise<void> {
  const isShown = id === null || store.conversation.value.id === id;
  if (isShown) await endRun();
  await remove(id).catch(() => {});
  if (isShown) show(emptyConversation(store.conversation.value.mode));
  refreshSoon();
}

export async function rename(id: string, title: string): Promise<void> {
  const isShown = store.conversation.value.id === id;
  const found = isShown ? store.conversation.value : await readConversation(id).catch(() => null);
  if (!found) return;
  const renamed = { ...found, title: title.trim().slice(0, 200) };
  if (isShown) store.conversation.value = renamed;
  await save([renamed]);
}

/** Stops what runs, and waits until it is kept. */
async function endRun(): Promise<void> {
  stopRun();
  while (store.live.value !== null) await new Promise((done) => setTimeout(done, 10));
  await flush();
}

function refreshSoon(): void {
  clearTimeout(listTimer);
  listTimer = window.setTimeout(async () => {
    store.summaries.value = await readSummaries();
  }, 100);
}

/** Another tab has changed a conversation: if it is the one shown here, it is read again. */
async function onOtherTab(id: string): Promise<void> {
  refreshSoon();
  if (store.conversation.value.id !== id) return;
  const found = await readStored(id).catch(() => null);
  const { value } = store.conversation;
  if (!found || value.id !== id || found.updatedAt < value.updatedAt) return;
  store.conversation.value = store.live.value === null ? found : withTurnsOf(value, found);
}

/** While this tab writes, it takes from another one what is new: neither loses a turn. */
function withTurnsOf(own: Conversation, other: Conversation): Conversation {
  const known = new Set(own.turns.map(({ id }) => id));
  return { ...own, turns: [...own.turns, ...other.turns.filter(({ id }) => !known.has(id))] };
}
