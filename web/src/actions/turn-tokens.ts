/** The probabilities of an answer that was written without them: the model reads it once more. */
import { saveSoon } from "../history/database.js";
import { problemOf } from "../state/problems.js";
import { change, conversation, model, problem } from "../state/store.js";
import { pathTo, withChange } from "../state/tree.js";
import type { Token, Turn } from "../state/types.js";
import { promptTokens } from "../wire/prompt-tokens.js";
import { answerIds, applyTemplate, isOwn, messagesOf, TOP } from "./requests.js";

export async function readTurnTokens(turn: Turn): Promise<void> {
  const shown = conversation.value;
  const turns = pathTo(shown, turn.id);
  try {
    const before = await applyTemplate(messagesOf(shown, turns.slice(0, -1)), false);
    const ids = (isOwn(turn) ? answerIds(turn) : null) ?? (await idsOfText(turn, turns, before.tokens));
    const all = await promptTokens([...before.tokens, ...ids], TOP);
    if (conversation.value.id !== shown.id) return;
    const end = turn.endId === null ? [] : [{ id: turn.endId, text: "", logprob: null, top: [] }];
    const tokens = [...all.slice(before.tokens.length), ...end];
    change(withChange(conversation.value, turn.id, { tokens, model: model.value?.name ?? null }));
    saveSoon(conversation.value);
  } catch (error) {
    problem.value = problemOf(error);
  }
}

/** The tokens of everything the model got before this answer, with those that the chat format adds. */
export async function readPrompt(turn: Turn): Promise<Token[]> {
  const shown = conversation.value;
  const { tokens } = await applyTemplate(messagesOf(shown, pathTo(shown, turn.id).slice(0, -1)), false);
  return promptTokens(tokens, TOP);
}

/** An answer known only as text, such as an edited one. */
async function idsOfText(turn: Turn, turns: readonly Turn[], before: readonly number[]): Promise<number[]> {
  const { tokens } = await applyTemplate(messagesOf(conversation.value, [...turns.slice(0, -1), turn]), true);
  return tokens.slice(before.length);
}
