/** What follows from the logits of a step for one request: scores, new tokens, its end. Knows logits and ids; not the engine. */
import { logSoftmaxAt, topLogprobs } from "../sampling/logprobs.js";
import type { Draftable } from "../speculation/speculation.js";
import type { OpenRequest } from "./open-request.js";
import type { EndEvent } from "./request.js";
import type { Chunk } from "./scheduler.js";

/** Passes a chunk's logits [tokens, vocabSize] to a request that wants them; returns those of the last token. */
export function takeScores({ entry, position, tokens, logits }: Chunk, rows: Float32Array): Float32Array {
  if (logits !== "all") return rows;
  const vocabSize = rows.length / tokens.length;
  const row = (i: number) => rows.subarray(i * vocabSize, (i + 1) * vocabSize);
  for (let i = 0; i < tokens.length; i++) entry.request.score?.take(position + i, row(i));
  return row(tokens.length - 1);
}

/** What may be drafted for a request: as many tokens as leave one to be sampled after the last. */
export function draftable({ drafts, request, ids }: OpenRequest): Draftable {
  const { lookup = 0, timedLookup: isTimed = false, promptIds, maxTokens } = request;
  return { drafts, count: lookup, isTimed, room: promptIds.length + maxTokens - ids.length - 1 };
}

/** Tokens of a step up to which one more costs less than its share: many requests have fewer drafts that their forms force. */
const CHEAP_TOKENS = 16;

/**
 * The drafts of each request that its form allows. Where the form leaves one text, that is the draft. Drafts are only guesses:
 * sampling decides, so that they never change a text.
 */
export function boundDrafts(
  entries: readonly OpenRequest[],
  drafts: readonly (readonly number[])[],
): (readonly number[])[] {
  const most = Math.max(0, Math.floor(CHEAP_TOKENS / entries.length) - 1);
  return entries.map((entry, i) => {
    const { constraint } = entry.request;
    if (!constraint) return drafts[i]!;
    const forced = most === 0 ? [] : constraint.forced().slice(0, Math.min(most, draftable(entry).room));
    return forced.length > 0 ? forced : drafts[i]!.slice(0, constraint.prefix(drafts[i]!));
  });
}

/**
 * Samples tokens from the logits [1 + drafts, vocabSize] after the pending token and after each draft, as long as the draft is
 * what was sampled: the same tokens from the same random numbers as one by one. Returns the end if the request has come to it.
 */
export function sampleTokens(entry: OpenRequest, drafts: readonly number[], logits: Float32Array): EndEvent | null {
  const { request, ids, events } = entry;
  const { stats, constraint } = request;
  const vocabSize = logits.length / (drafts.length + 1);
  for (let i = 0; ; i++) {
    const after = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
    const id = request.sample(constraint ? constraint.mask(after) : after);
    const logprob = request.logprobs ? logSoftmaxAt(after, id) : null;
    const top = request.topLogprobs ? topLogprobs(after, request.topLogprobs, request.tokenCount) : null;
    if (request.stopIds.has(id)) return { kind: "end", reason: "stop", stop: { id, logprob, top } };
    constraint?.accept(id);
    ids.push(id);
    entry.drafts?.push(id);
    if (stats) stats.generatedTokens++;
    const { text, isLast } = request.push?.(id) ?? { text: "", isLast: false };
    events.push({ kind: "token", id, text, logprob, top });
    // Where a form is whole and nothing may follow, there is nothing to sample.
    if (isLast || constraint?.isOver) return { kind: "end", reason: "stop", stop: null };
    if (ids.length === request.promptIds.length + request.maxTokens)
      return { kind: "end", reason: "length", stop: null };
    if (drafts[i] !== id) return null;
    // The draft is in the KV cache already.
    entry.length++;
    if (stats) stats.acceptedTokens++;
  }
}
