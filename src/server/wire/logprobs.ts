/** Log-probabilities in the two forms of OpenAI's API: of completions and of chats. Does not know where they come from. */
import type { TokenTexts } from "./token-texts.js";
import type { PlacedToken } from "./token-trail.js";

/** JSON has no infinity. */
const LEAST = -9999;

export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

/** Four lists of one length; tokens of the beginning of a text have no leading space there. Each token is among its own most likely ones, with the same number. */
export function completionLogprobs(placed: readonly PlacedToken[], texts: TokenTexts): CompletionLogprobs {
  const lists: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  for (const { id, offset, logprob } of placed) {
    const name = texts.name(id);
    lists.tokens.push(name);
    lists.text_offset.push(offset);
    const own = logprob?.logprob ?? null;
    lists.token_logprobs.push(own === null ? null : finite(own));
    lists.top_logprobs.push(own === null ? null : topByName(name, own, logprob!.top, texts));
  }
  return lists;
}

function topByName(
  name: string,
  own: number,
  top: readonly { id: number; logprob: number }[],
  texts: TokenTexts,
): Record<string, number> {
  const byName = new Map<string, number>();
  const add = (key: string, value: number) => {
    const before = byName.get(key);
    if (before === undefined || before < value) byName.set(key, finite(value));
  };
  for (const { id, logprob } of top) add(texts.name(id), logprob);
  add(name, own);
  return Object.fromEntries(byName);
}

export interface ChatToken {
  token: string;
  logprob: number;
  bytes: number[];
}

export interface ChatLogprobs {
  content: (ChatToken & { top_logprobs: ChatToken[] })[];
  refusal: null;
}

export function chatLogprobs(placed: readonly PlacedToken[], texts: TokenTexts): ChatLogprobs {
  const describe = (id: number, logprob: number, token = texts.text(id)): ChatToken => {
    return { token, logprob: finite(logprob), bytes: texts.bytes(id) };
  };
  const content = placed.map(({ id, text, logprob }) => ({
    ...describe(id, logprob?.logprob ?? LEAST, text),
    top_logprobs: (logprob?.top ?? []).map((one) => describe(one.id, one.logprob)),
  }));
  return { content, refusal: null };
}

function finite(value: number): number {
  return Number.isNaN(value) ? LEAST : Math.max(value, LEAST);
}
