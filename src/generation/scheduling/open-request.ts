/** A request from submit() to its end: what of it has run, and what runs before its next token. Does not decide when. */
import type { RowDrafts } from "../speculation/speculation.js";
import { EventQueue } from "./event-queue.js";
import type { GenerationRequest, RequestEvent } from "./request.js";

export interface OpenRequest {
  readonly request: GenerationRequest;
  readonly events: EventQueue<RequestEvent>;
  /** Positions its KV cache may grow to. */
  positions: number;
  /** Prompt, then text. */
  readonly ids: number[];
  /** null until its first chunk runs. */
  sequence: number | null;
  /** Tokens of `ids` in the KV cache, which may hold failed drafts after them; the next step overwrites those. */
  length: number;
  /** Those of its prompt that are in it or in steps that run; see `nextChunk()`. */
  sent: number;
  /** Prompt tokens whose logits were given to `score`, and those before them. */
  scored: number;
  /** Prompt tokens that were found in a KV cache. */
  reused: number;
  drafts: RowDrafts | null;
  isOver: boolean;
  /** Items of running steps that are its own; a text is in one step at most, a prompt may be in several. */
  steps: number;
  /** When it was last in a step as a text, counted in steps. */
  turn: number;
}

/** A request of which nothing has run. `onRoom` is called when its consumer has room again. */
export function openRequest(request: GenerationRequest, onRoom: () => void): OpenRequest {
  const { promptIds, maxTokens } = request;
  return {
    request,
    events: new EventQueue<RequestEvent>(onRoom),
    positions: promptIds.length + maxTokens,
    ids: [...promptIds],
    ...{ sequence: null, length: 0, sent: 0, scored: 0, reused: 0 },
    ...{ drafts: null, isOver: false, steps: 0, turn: 0 },
  };
}

/** Tokens that run before one of them is the text's next: the prompt; after a loss also the text so far, but for its last token. */
export function promptEnd({ ids, request }: OpenRequest): number {
  return Math.max(request.promptIds.length, ids.length - 1);
}

/** Where the next chunk of its prompt begins; promptEnd() if all of it runs or has run. */
export function nextChunk({ sent, length }: OpenRequest): number {
  return Math.max(sent, length);
}

/** Whether a part of the prompt, or of what runs again with it, has not run. */
export function hasPrompt(entry: OpenRequest): boolean {
  return entry.length < promptEnd(entry);
}
