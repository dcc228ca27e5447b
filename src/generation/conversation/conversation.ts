/**
 * A conversation: turns that grow into one prompt, whose KV cache the model's loop keeps, so that a turn runs only what is new.
 * Knows ids and the format's rules; not how tokens are chosen, nor a terminal.
 */
import { LlamaError } from "../../error.js";
import { type ChatFormat, type ChatName, checkTexts } from "../chat/chat-format.js";
import type { Completion, StreamEvent } from "../completion/results.js";
import { checkOptions, either, NULL, type OptionTypes, oneOf, TEXT } from "../options/check-options.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";

/** Share of the context that an answer has at least, or its max_gen_len if that is less. */
const ANSWER_SHARE = 1 / 4;
/** Share of the context that turns may fill after some were dropped, so that not every turn drops one and runs the rest again. */
const KEPT_SHARE = 1 / 2;

/** A user message and the model's answer. The ids of an answer are those that were generated, whatever its text would encode to. */
export interface Turn {
  user: string;
  answer: string;
  answerIds: number[];
}

export interface ConversationOptions {
  /** "auto" (the default) uses the family's format where the folder is called chat or instruct, else none. */
  chat?: ChatName | "auto";
  /** System text; with a model that only continues text, the text before the first turn. */
  system?: string | null;
}

export const CONVERSATION_TYPES: OptionTypes<ConversationOptions> = {
  chat: oneOf("auto", "none", "llama2", "llama3"),
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

export type TurnOptions = Omit<GenerateOptions, "logprobs" | "echo">;

const { logprobs: _logprobs, echo: _echo, ...TURN_TYPES } = GENERATE_TYPES;

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
  /** Ids of turns before their answers, as they were encoded last. */
  readonly #opened = new WeakMap<Turn, { system: string | null; isFirst: boolean; ids: readonly number[] }>();

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
    const encoded = this.turns.map((turn, i) => this.#encodeTurn(turn, i === 0));
    let kept = encoded;
    let last = format.openTurn(user, system, encoded.length === 0);
    const size = (turns: readonly (readonly number[])[]) => turns.reduce((sum, ids) => sum + ids.length, last.length);
    if (size(kept) + room > maxSeqLen) {
      const most = Math.min(maxSeqLen - room, Math.floor(maxSeqLen * KEPT_SHARE));
      let length = size(kept);
      let from = 1;
      while (from < encoded.length && length > most) length -= encoded[from++]!.length;
      kept = [...encoded.slice(0, 1), ...encoded.slice(from)];
      if (kept.length > 0 && length + room > maxSeqLen) {
        kept = [];
        last = format.openTurn(user, system, true);
      }
    }
    const ids = [...kept, last].flat();
    if (ids.length >= maxSeqLen) {
      throw new LlamaError("usage", "the message is longer than the context", {
        expected: `fewer than ${maxSeqLen} tokens`,
        found: String(ids.length),
        fix: "Shorten it or raise max_seq_len",
      });
    }
    const droppedTurns = this.turns.length - kept.length;
    if (droppedTurns > 0) this.turns = kept.length === 0 ? [] : [this.turns[0]!, ...this.turns.slice(1 + droppedTurns)];
    return { ids, droppedTurns };
  }

  /** Ids of a turn and its answer; each message is encoded once, however long the conversation. */
  #encodeTurn(turn: Turn, isFirst: boolean): number[] {
    const { format, system } = this;
    let opened = this.#opened.get(turn);
    if (opened?.isFirst !== isFirst || (isFirst && opened.system !== system)) {
      opened = { system, isFirst, ids: format.openTurn(turn.user, system, isFirst) };
      this.#opened.set(turn, opened);
    }
    return [...opened.ids, ...turn.answerIds, ...format.closeTurn(turn.answerIds)];
  }
}
