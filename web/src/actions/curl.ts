/** The request that the page would send now, as a command for curl. Does not run it. */

import { conversation, cursor, model, path } from "../state/store.js";
import { hasKey } from "../wire/api.js";
import { COMPLETE_TOKENS, messagesOf, samplingOf } from "./requests.js";

/** A word of a shell, in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `draft`: the message that is typed. */
export function curlFor(draft: string): string {
  const shown = conversation.value;
  const { settings } = shown;
  const sampling = samplingOf(settings);
  const base = new URL("v1/", document.baseURI).href;
  const key = hasKey() ? ' -H "authorization: Bearer $LLAMA_TS_API_KEY"' : "";
  if (shown.mode === "complete") {
    const body = { model: model.value?.name, prompt: shown.document.text.slice(0, cursor.value), ...sampling };
    const whole = { ...body, max_tokens: settings.max_tokens ?? COMPLETE_TOKENS };
    return `curl ${base}completions${key} --json ${quoted(JSON.stringify(whole))}`;
  }
  const turns = path.value;
  // The last message of a request is the user's.
  const asked = turns.slice(0, turns.findLastIndex(({ role }) => role === "user") + 1);
  const messages = messagesOf(shown, draft.trim() === "" ? asked : turns).map(({ role, content }) => ({
    role,
    content,
  }));
  const all = draft.trim() === "" ? messages : [...messages, { role: "user", content: draft }];
  const length = settings.max_tokens === undefined ? {} : { max_tokens: settings.max_tokens };
  const body = { model: model.value?.name, messages: all, ...sampling, ...length };
  return `curl ${base}chat/completions${key} --json ${quoted(JSON.stringify(body))}`;
}
