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
  /** The ids of `tokens`. */
  token_ids?: number[];
  /** The ids of the names in `top_logprobs`. */
  top_token_ids?: (Record<string, number> | null)[];
}

/**
 * Lists of one length; tokens of the beginning of a text have no leading space there. Each token is among its own most likely ones, with the same number.
 * `wantsIds`: names do not encode to their tokens again, so that a client which continues with one of them needs its id.
 */
export function completionLogprobs(
  placed: readonly PlacedToken[],
  texts: TokenTexts,
  wantsIds = false,
): CompletionLogprobs {
  const lists: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  const topIds: (Record<string, number> | null)[] = [];
  for (const { id, offset, logprob } of placed) {
    const name = texts.name(id);
    lists.tokens.push(name);
    lists.text_offset.push(offset);
    const own = logprob?.logprob ?? null;
    lists.token_logprobs.push(own === null ? null : finite(own));
    const top = own === null ? null : topByName({ id, logprob: own }, logprob!.top, texts);
    lists.top_logprobs.push(top && Object.fromEntries([...top].map(([key, one]) => [key, finite(one.logprob)])));
    topIds.push(top && Object.fromEntries([...top].map(([key, one]) => [key, one.id])));
  }
  return wantsIds ? { ...lists, token_ids: placed.map(({ id }) => id), top_token_ids: topIds } : lists;
}

interface TopToken {
  id: number;
  logprob: number;
}

/** Of two ids with one name the more likely one counts; of two as likely, the token itself. */
function topByName(own: TopToken, top: readonly TopToken[], texts: TokenTexts): Map<string, TopToken> {
  const byName = new Map<string, TopToken>();
  for (const one of top) {
    const name = texts.name(one.id);
    const before = byName.get(name);
    if (before === undefined || before.logprob < one.logprob) byName.set(name, one);
  }
  const name = texts.name(own.id);
  if ((byName.get(name)?.logprob ?? Number.NEGATIVE_INFINITY) <= own.logprob) byName.set(name, own);
  return byName;
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
