/** Encodes a conversation turn by turn, for formats that write each turn by itself. Each message is encoded once, however long the conversation. */
import type { ChatFormat, Turn } from "./chat-format.js";

export interface TurnRules {
  /** The ids of a user's turn, up to the start of the answer; the first turn includes the system prompt. */
  openTurn(text: string, system: string | null, isFirst: boolean): number[];
  /** The ids that end an answer when another turn follows. */
  closeTurn(answerIds: readonly number[]): number[];
}

export function turnwise({ openTurn, closeTurn }: TurnRules): ChatFormat["encodeConversation"] {
  /** Ids of turns before their answers, as they were encoded last. */
  const opened = new WeakMap<Turn, { system: string | null; isFirst: boolean; ids: readonly number[] }>();
  const encode = (turn: Turn, isFirst: boolean, system: string | null): number[] => {
    let before = opened.get(turn);
    if (before?.isFirst !== isFirst || (isFirst && before.system !== system)) {
      before = { system, isFirst, ids: openTurn(turn.user, system, isFirst) };
      opened.set(turn, before);
    }
    return [...before.ids, ...turn.answerIds, ...closeTurn(turn.answerIds)];
  };
  return (turns, user, system) => [
    ...turns.flatMap((turn, i) => encode(turn, i === 0, system)),
    ...openTurn(user, system, turns.length === 0),
  ];
}
