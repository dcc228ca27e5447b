/**
 * A conversation: turns that grow into one prompt, whose KV cache the model's loop keeps, so that a turn runs only what is new.
 * Knows ids and the format's rules; not how tokens are chosen, nor a terminal.
 */
import { LlamaError } from "../../error.js";
import { CHAT_CHOICE } from "../chat/chat-choice.js";
import { type ChatChoice, type ChatFormat, checkTexts, type Turn } from "../chat/chat-format.js";
import type { Completion, StreamEvent } from "../completion/results.js";
import { checkOptions, either, NULL, type OptionTypes, TEXT } from "../options/check-options.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";

/** Share of the context that an answer has at least, or its max_gen_len if that is less. */
const ANSWER_SHARE = 1 / 4;
/** Share of the context that turns may fill after some were dropped, so that not every turn drops one and runs the rest again. */
const KEPT_SHARE = 1 / 2;

export type { Turn } from "../chat/chat-format.js";

export interface ConversationOptions {
  /** "auto" (the default) uses the model's chat template; without one Meta's format where the folder is called chat or instruct, else none. */
  chat?: ChatChoice;
  /** System text; with a model that only continues text, the text before the first turn. */
  system?: string | null;
}

export const CONVERSATION_TYPES: OptionTypes<ConversationOptions> = {
  chat: CHAT_CHOICE,
  system: either(TEXT, NULL),
};

/** How a turn's prompt came about. */
export interface TurnStats {
  /** Turns that were dropped to make room in the context. */
  droppedTurns: number;
}

export type TurnEvent =
  | { id: number; text: string; done: null }
  | { id: null; text: string; done: Completion & TurnStats };

export type TurnOptions = Omit<GenerateOptions, "logprobs" | "echo" | "parseSpecial">;

const { logprobs: _logprobs, echo: _echo, parseSpecial: _parse, ...TURN_TYPES } = GENERATE_TYPES;

/** What a conversation needs of the model. */
export interface ConversationHost {
  readonly maxSeqLen: number;
  /** Continues a prompt; requests of one owner follow each other in one KV cache. */
  stream(ids: number[], options: TurnOptions, owner: object): AsyncGenerator<StreamEvent, void, void>;
  /** Drops the KV cache of an owner. */
  forget(owner: object): void;
}

export class Conversation {
  readonly format: ChatFormat;
  turns: Turn[] = [];
  /** System text; for a model that only continues text, the text before the first turn. */
  system: string | null = null;
  readonly #host: ConversationHost;
  /** The last prompt and its answer: the tokens that the KV cache may hold. */
  #lastIds: readonly number[] = [];
  #isAnswering = false;
  #isClosed = false;

  constructor(format: ChatFormat, host: ConversationHost) {
    this.format = format;
    this.#host = host;
  }

  get maxSeqLen(): number {
    return this.#host.maxSeqLen;
  }

  /** The last prompt and its answer. */
  get lastIds(): readonly number[] {
    return this.#lastIds;
  }

  /** Takes note of the tokens that a KV cache was restored for. */
  restored(ids: readonly number[]): void {
    this.#lastIds = ids;
  }

  /**
   * Streams the answer to `user`, which becomes a turn when it ends, or is left, with at least one token. Throws LlamaError
   * (usage) for a message that does not fit, and when the conversation is answering or closed.
   */
  async *send(user: string, options: TurnOptions = {}): AsyncGenerator<TurnEvent, void, void> {
    checkOptions(options, TURN_TYPES);
    if (this.#isClosed) throw new LlamaError("usage", "the conversation is closed");
    if (this.#isAnswering) throw new LlamaError("usage", "the conversation is answering already");
    checkTexts(this.format, [...(this.system === null ? [] : [this.system]), user]);
    const { ids, droppedTurns } = this.#prompt(user, options.maxGenLen ?? this.maxSeqLen);
    const generated: number[] = [];
    let answer = "";
    let answerIds: readonly number[] = generated;
    this.#isAnswering = true;
    try {
      for await (const { id, text, done } of this.#host.stream(ids, options, this)) {
        answer += text;
        if (id !== null) {
          generated.push(id);
          yield { id, text, done: null };
        } else {
          answerIds = done.ids;
          yield { id: null, text, done: { ...done, droppedTurns } };
        }
      }
    } finally {
      this.#isAnswering = false;
      this.#lastIds = [...ids, ...generated];
      if (generated.length > 0) this.turns.push({ user, answer, answerIds: [...answerIds] });
      if (this.#isClosed) this.#host.forget(this);
    }
  }

  /** Ends the conversation and drops its KV cache; an answer that runs comes to its end. */
  close(): void {
    this.#isClosed = true;
    if (!this.#isAnswering) this.#host.forget(this);
  }

  /** Removes the last turn and returns it. */
  undo(): Turn | undefined {
    return this.turns.pop();
  }

  /**
   * The prompt for an answer to `user`. When the context would leave an answer less than its share, the oldest turns after the
   * first are dropped, whole; if that is not enough, the first too.
   */
  #prompt(user: string, maxGenLen: number): { ids: number[]; droppedTurns: number } {
    const { maxSeqLen, format, system } = this;
    const room = Math.min(maxGenLen, Math.floor(maxSeqLen * ANSWER_SHARE));
    let kept: readonly Turn[] = this.turns;
    let ids = format.encodeConversation(kept, user, system);
    if (ids.length + room > maxSeqLen) {
      const most = Math.min(maxSeqLen - room, Math.floor(maxSeqLen * KEPT_SHARE));
      kept = this.#without(this.#fewest(user, most));
      ids = format.encodeConversation(kept, user, system);
      if (kept.length > 0 && ids.length + room > maxSeqLen) {
        kept = [];
        ids = format.encodeConversation(kept, user, system);
      }
    }
    if (ids.length >= maxSeqLen) {
      throw new LlamaError("usage", "the message is longer than the context", {
        expected: `fewer than ${maxSeqLen} tokens`,
        found: String(ids.length),
        fix: "Shorten it or raise max_seq_len",
      });
    }
    const droppedTurns = this.turns.length - kept.length;
    if (droppedTurns > 0) this.turns = [...kept];
    return { ids, droppedTurns };
  }

  /** The turns without `count` of the oldest after the first. */
  #without(count: number): Turn[] {
    return [...this.turns.slice(0, 1), ...this.turns.slice(1 + count)];
  }

  /** The fewest turns after the first whose loss leaves at most `most` tokens; all of them if that is not enough. */
  #fewest(user: string, most: number): number {
    let [least, all] = [0, Math.max(this.turns.length - 1, 0)];
    while (least < all) {
      const count = (least + all) >> 1;
      const { length } = this.format.encodeConversation(this.#without(count), user, this.system);
      if (length <= most) all = count;
      else least = count + 1;
    }
    return least;
  }
}
