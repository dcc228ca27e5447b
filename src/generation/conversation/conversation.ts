/**
 * A conversation: turns, and the engine's sequence that holds their keys and values, so that a turn runs only what is new.
 * Knows ids and the format's rules; not how the loop chooses tokens, nor a terminal.
 */
import { LlamaError } from "../../error.js";
import { type ChatFormat, type ChatName, checkTexts } from "../chat/chat-format.js";
import type { Completion, StreamEvent } from "../completion/results.js";
import type { GenerateOptions } from "../sampling/options.js";
import type { KeptSequence } from "../scheduling/request.js";

/** Share of the context that an answer finds free at least, or its max_gen_len if that is less. */
const ANSWER_SHARE = 1 / 4;
/** Share of the context that turns may fill after some had to go, so that not every turn drops one and runs the rest anew. */
const KEPT_SHARE = 1 / 2;

/** What was said, and what came. The ids of an answer are those that were generated, whatever its text would encode to. */
export interface Turn {
  user: string;
  answer: string;
  answerIds: number[];
}

export interface ConversationOptions {
  /** "auto" (the default) takes the family's format where the folder is called chat or instruct, else none. */
  chat?: ChatName | "auto";
  /** What the system says; with a model that only continues text, what stands before the first turn. */
  system?: string | null;
}

/** How a turn's prompt came about. */
export interface TurnStats {
  /** Tokens of the prompt whose keys and values were there already; the others ran. */
  reusedTokens: number;
  /** Turns that went to make room in the context. */
  droppedTurns: number;
}

export type TurnEvent =
  | { id: number; text: string; done: null }
  | { id: null; text: string; done: Completion & TurnStats };

export type TurnOptions = Omit<GenerateOptions, "logprobs" | "echo">;

/** Continues a prompt in a sequence of the caller's. */
export type Continue = (
  ids: readonly number[],
  options: TurnOptions,
  kept: KeptSequence,
) => AsyncGenerator<StreamEvent, void, void>;

export class Conversation {
  readonly format: ChatFormat;
  readonly maxSeqLen: number;
  turns: Turn[] = [];
  /** The system's text; for a model that only continues text, what stands before the first turn. */
  system: string | null = null;
  /** Its sequence: `kept.length` of `cachedIds` are in it. */
  readonly kept: KeptSequence;
  #cachedIds: readonly number[] = [];
  #isAnswering = false;
  readonly #continue: Continue;
  readonly #release: () => void;

  constructor(format: ChatFormat, maxSeqLen: number, sequence: number, continueIds: Continue, release: () => void) {
    this.format = format;
    this.maxSeqLen = maxSeqLen;
    this.kept = { sequence, length: 0 };
    this.#continue = continueIds;
    this.#release = release;
  }

  /** The ids whose keys and values are in the sequence. */
  get cachedIds(): readonly number[] {
    return this.#cachedIds.slice(0, this.kept.length);
  }

  /** Takes note that the sequence was filled with these from elsewhere. */
  restored(cachedIds: readonly number[]): void {
    this.#cachedIds = cachedIds;
    this.kept.length = cachedIds.length;
  }

  /** Streams the answer to `user`, which becomes a turn when it ends, or is left, with at least one token. */
  async *send(user: string, options: TurnOptions = {}): AsyncGenerator<TurnEvent, void, void> {
    if (this.#isAnswering) throw new LlamaError("usage", "the conversation is answering already");
    checkTexts(this.format, [...(this.system === null ? [] : [this.system]), user]);
    const { ids, droppedTurns } = this.#prompt(user, options.maxGenLen ?? this.maxSeqLen);
    const reusedTokens = this.kept.length;
    const generated: number[] = [];
    let answer = "";
    let answerIds: readonly number[] = generated;
    this.#isAnswering = true;
    try {
      for await (const { id, text, done } of this.#continue(ids, options, this.kept)) {
        answer += text;
        if (id !== null) {
          generated.push(id);
          yield { id, text, done: null };
        } else {
          answerIds = done.ids;
          yield { id: null, text, done: { ...done, reusedTokens, droppedTurns } };
        }
      }
    } finally {
      this.#isAnswering = false;
      this.#cachedIds = [...ids, ...generated];
      if (generated.length > 0) this.turns.push({ user, answer, answerIds: [...answerIds] });
    }
  }

  /** Forgets keys and values; the conversation is over. */
  close(): void {
    this.#release();
  }

  /** Takes back the last turn. */
  undo(): Turn | undefined {
    return this.turns.pop();
  }

  /**
   * The prompt for an answer to `user`; the sequence is cut to where it agrees. When the context would leave an answer
   * less than its share, the oldest turns behind the first go, whole; if that is not enough, the first too.
   */
  #prompt(user: string, maxGenLen: number): { ids: number[]; droppedTurns: number } {
    const { maxSeqLen } = this;
    const room = Math.min(maxGenLen, Math.floor(maxSeqLen * ANSWER_SHARE));
    const turns = [...this.turns];
    let ids = this.#encode(turns, user);
    if (ids.length + room > maxSeqLen) {
      const most = Math.min(maxSeqLen - room, Math.floor(maxSeqLen * KEPT_SHARE));
      while (turns.length > 1 && ids.length > most) {
        turns.splice(1, 1);
        ids = this.#encode(turns, user);
      }
      if (turns.length > 0 && ids.length + room > maxSeqLen) {
        turns.length = 0;
        ids = this.#encode(turns, user);
      }
    }
    if (ids.length >= maxSeqLen) {
      throw new LlamaError("usage", "the message is longer than the context", {
        expected: `fewer than ${maxSeqLen} tokens`,
        found: String(ids.length),
        fix: "Shorten it or raise max_seq_len",
      });
    }
    const droppedTurns = this.turns.length - turns.length;
    this.turns = turns;
    // The last token always runs, for its logits.
    this.kept.length = Math.min(this.kept.length, commonLength(this.#cachedIds, ids), ids.length - 1);
    this.#cachedIds = ids;
    return { ids, droppedTurns };
  }

  #encode(turns: readonly Turn[], user: string): number[] {
    const { format, system } = this;
    const ids: number[] = [];
    for (const [i, turn] of turns.entries()) {
      ids.push(...format.openTurn(turn.user, system, i === 0), ...turn.answerIds, ...format.closeTurn(turn.answerIds));
    }
    ids.push(...format.openTurn(user, system, turns.length === 0));
    return ids;
  }
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
