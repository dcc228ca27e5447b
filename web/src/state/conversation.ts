/** Makes conversations, and says what they are called. Does not know the tree of their turns. */
import type { Conversation, Mode, Summary } from "./types.js";

/** Characters of a text that the search looks into. */
const SEARCHED = 200_000;
const TITLE = 60;

export function newId(): string {
  // crypto.randomUUID exists on secure pages only, and pages of a local network are not secure.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function emptyConversation(mode: Mode): Conversation {
  const now = Date.now();
  return {
    ...{ id: newId(), mode, title: "", createdAt: now, updatedAt: now, model: "", system: "", settings: {} },
    ...{ turns: [], chosen: {}, leftOut: 0, document: { text: "", runs: [] } },
  };
}

export function isEmpty({ turns, document }: Conversation): boolean {
  return turns.length === 0 && document.text.trim() === "";
}

/** The user's title, else the first words. */
export function titleOf({ title, mode, turns, document }: Conversation): string {
  if (title !== "") return title;
  const text = (mode === "chat" ? (turns[0]?.text ?? "") : document.text).trim().replace(/\s+/g, " ");
  if (text === "") return mode === "chat" ? "New chat" : "New text";
  return text.length > TITLE ? `${text.slice(0, TITLE).trimEnd()}…` : text;
}

export function summaryOf(conversation: Conversation): Summary {
  const { id, mode, updatedAt, turns, document, system } = conversation;
  const title = titleOf(conversation);
  const texts = [title, system, document.text, ...turns.map(({ text }) => text)];
  return { id, mode, title, updatedAt, words: texts.join("\n").slice(0, SEARCHED).toLowerCase() };
}
