/** The state of the page as signals, and what follows from it. Does not change it by itself, and does not know the server. */
import { computed, signal } from "@preact/signals";
import { emptyConversation } from "./conversation.js";
import { shownPath } from "./tree.js";
import type { Conversation, Live, Model, Problem, ServerState, Summary } from "./types.js";

export const server = signal<ServerState>({ kind: "connecting" });
/** Null until the model is ready. */
export const model = signal<Model | null>(null);

export const conversation = signal<Conversation>(emptyConversation("chat"));
/** All that is kept, the newest first. */
export const summaries = signal<Summary[]>([]);

/** The request that runs; null: none. */
export const live = signal<Live | null>(null);
/** What went wrong with the last request; null: nothing. */
export const problem = signal<Problem | null>(null);
/** A short notice, such as "Copied", and what takes back what it says; null: none. */
export const notice = signal<{ text: string; undo: (() => void) | null } | null>(null);
/** What the user should know as long as it is so, such as a history that is not kept; "": nothing. */
export const warning = signal("");
/** What a screen reader says. */
export const announcement = signal<string>("");

/** The message that is typed. */
export const draft = signal("");
/** The user's turn that is edited; null: none. */
export const editing = signal<string | null>(null);
/** Whether tokens are shown by their probability. */
export const showsTokens = signal(false);
/** Where the cursor is in Complete, in UTF-16 units. */
export const cursor = signal(0);

/** What is open beside the text. */
export const opened = signal<{ history: boolean; panel: boolean }>({ history: true, panel: false });

/** The turns of the shown path, from the first. */
export const path = computed(() => shownPath(conversation.value));
/** The turn that is written; null: none. */
export const runningTurn = computed(() => live.value?.turn ?? null);
export const isBusy = computed(() => live.value !== null);
export const canSend = computed(() => server.value.kind === "ready" && live.value === null);
/** Whether the model answers dialogs, as far as is known. */
export const hasChat = computed(() => model.value !== null && model.value.chatFormat !== "none");

/** Changes the conversation; the time of the change is kept. */
export function change(part: Partial<Conversation>): void {
  conversation.value = { ...conversation.value, ...part, updatedAt: Date.now() };
}

let noticeTimer = 0;

const NOTICE_MS = 3000;
const UNDO_MS = 12_000;

/** Shows a notice for some seconds, with a button if there is something to take back. */
export function notify(text: string, undo: (() => void) | null = null): void {
  notice.value = { text, undo };
  clearTimeout(noticeTimer);
  noticeTimer = window.setTimeout(
    () => {
      notice.value = null;
    },
    undo ? UNDO_MS : NOTICE_MS,
  );
}
