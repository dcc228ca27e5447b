/** Counts the tokens of the prompt as it is typed: asks the server when typing pauses. Does not know elements. */
import { effect, signal } from "@preact/signals";
import { applyTemplate, messagesOf } from "../actions/requests.js";
import { conversation, cursor, draft, live, path, server } from "../state/store.js";
import { askJson } from "../wire/api.js";

/** Tokens of the prompt that would be sent now; null: not known. */
export const typedTokens = signal<number | null>(null);

/** How long typing pauses before it is counted. */
const PAUSE_MS = 350;
/** Characters that are counted: the server refuses longer texts. */
const MAX_TEXT = 1 << 20;

/** Counts from now on. */
export function followTyping(): () => void {
  let timer = 0;
  let control = new AbortController();
  return effect(() => {
    // What the count follows from.
    const parts = [conversation.value, draft.value, cursor.value, path.value] as const;
    const isReady = server.value.kind === "ready" && live.value === null;
    clearTimeout(timer);
    control.abort();
    control = new AbortController();
    const { signal: aborted } = control;
    if (!isReady) return;
    timer = window.setTimeout(async () => {
      const counted = await count(parts, aborted).catch(() => null);
      if (!aborted.aborted) typedTokens.value = counted;
    }, PAUSE_MS);
  });
}

type Parts = readonly [typeof conversation.value, string, number, typeof path.value];

async function count([shown, typed, at, turns]: Parts, aborted: AbortSignal): Promise<number | null> {
  if (shown.mode === "complete") {
    const prompt = shown.document.text.slice(0, at);
    if (prompt.length > MAX_TEXT) return null;
    return (await askJson<{ count: number }>("tokenize", { prompt, parse_special: false }, aborted)).count;
  }
  const messages = messagesOf(shown, turns);
  if (typed.trim() !== "") messages.push({ role: "user", content: typed });
  const last = messages.at(-1)?.role;
  if (last === undefined || last === "system" || messages.some(({ content }) => content.length > MAX_TEXT)) return null;
  return (await applyTemplate(messages, last === "assistant", aborted)).tokens.length;
}
