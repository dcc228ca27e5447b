/** Which conversation is shown: opens, begins and removes conversations, keeps the draft, and tells other tabs. */
import { effect } from "@preact/signals";
import { stopRun } from "../actions/run.js";
import { emptyConversation, isEmpty, titleOf } from "../state/conversation.js";
import * as store from "../state/store.js";
import type { Conversation, Mode } from "../state/types.js";
import { flush, listeners, readConversation, readSummaries, remove, save } from "./database.js";

const OPEN = "llama-ts open";
const DRAFT = "llama-ts draft";
const MODE = "llama-ts mode";
const CHANNEL = "llama-ts history";

/** Whether the history has failed: it says so once. */
export const storeError: { seen: boolean } = { seen: false };

let channel: BroadcastChannel | null = null;
/** When this tab last wrote each conversation. */
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
  store.draft.value = sessionStorage.getItem(DRAFT) ?? "";
  const id = sessionStorage.getItem(OPEN);
  const found = id === null ? null : await readConversation(id).catch(() => null);
  if (found && isEmpty(store.conversation.value)) show(found);
  effect(() => {
    sessionStorage.setItem(OPEN, store.conversation.value.id);
    sessionStorage.setItem(DRAFT, store.draft.value);
  });
  effect(() => {
    const { value } = store.conversation;
    document.title = isEmpty(value) ? "llama-ts" : `${titleOf(value)} – llama-ts`;
  });
  effect(chooseMode);
  addEventListener("pagehide", () => void flush());
  store.summaries.value = await readSummaries();
}

/** A model without a chat format continues text; else the mode used last. */
function chooseMode(): void {
  const model = store.model.value;
  const { value } = store.conversation;
  if (model === null || !isEmpty(value) || sessionStorage.getItem(MODE) !== null) return;
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
  await endRun();
  const { settings, system } = store.conversation.value;
  show({ ...emptyConversation(mode), settings, system });
}

/** Goes to the other mode: in the same conversation while it is empty, else in a new one. */
export async function chooseModeByHand(mode: Mode): Promise<void> {
  sessionStorage.setItem(MODE, mode);
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

/** Another tab has changed a conversation: if it is the one shown here, and nothing runs, it is read again. */
async function onOtherTab(id: string): Promise<void> {
  refreshSoon();
  const { value } = store.conversation;
  if (value.id !== id || store.live.value !== null) return;
  const found = await readConversation(id).catch(() => null);
  if (store.conversation.value !== value || store.live.value !== null) return;
  if (found && found.updatedAt > value.updatedAt) store.conversation.value = found;
}
