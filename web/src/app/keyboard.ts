/** The keys that work everywhere in the page. Does not know those of a field. */
import { signal } from "@preact/signals";
import { continueText } from "../actions/complete-actions.js";
import { stopRun } from "../actions/run.js";
import { startNew } from "../history/session.js";
import { conversation, isBusy, opened } from "../state/store.js";

/** Whether the list of keys is open. */
export const keysShown = signal(false);

export const KEYS: readonly (readonly [string, string])[] = [
  ["Enter", "Send the message"],
  ["Shift Enter", "Begin a new line"],
  ["Up", "In an empty field: edit the last message"],
  ["Ctrl Enter", "In Complete: let the model continue at the cursor"],
  ["Ctrl Z", "In Complete: take a run back"],
  ["Ctrl Shift Z", "In Complete: bring it back"],
  ["Esc", "Stop the model"],
  ["Ctrl K", "Search the history"],
  ["Alt N", "Begin a new conversation"],
  ["?", "Show these keys"],
];

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function startKeyboard(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && isBusy.value && !document.querySelector("dialog[open]")) stopRun();
    else if (isCommand && event.key.toLowerCase() === "k") focusSearch();
    else if (isCommand && event.key === "Enter" && conversation.value.mode === "complete") void continueText();
    else if (event.altKey && event.code === "KeyN") void startNew();
    else if (event.key === "?" && !isTyping(event.target)) keysShown.value = true;
    else return;
    event.preventDefault();
  });
}

function focusSearch(): void {
  opened.value = { ...opened.value, history: true };
  requestAnimationFrame(() => document.getElementById("search")?.focus());
}
