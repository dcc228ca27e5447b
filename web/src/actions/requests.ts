/** What the page sends: messages, sampling fields, prompts. Does not send it. */

import { conversation, model, showsTokens } from "../state/store.js";
import type { Conversation, Settings, Token, Turn } from "../state/types.js";
import { askJson } from "../wire/api.js";

/** Most likely tokens that are asked for where tokens are shown. */
export const TOP = 10;
/** New tokens of Complete unless the panel says otherwise. */
export const COMPLETE_TOKENS = 128;

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
  token_ids?: number[];
}

/** Whether an answer's ids are those of the model that runs. */
export function isOwn({ model: writer }: Pick<Turn, "model">): boolean {
  return writer !== null && writer === model.value?.name;
}

/** The ids of an answer without the one that ended it; null if they are not known. */
export function answerIds({ tokens, endId }: Pick<Turn, "tokens" | "endId">): number[] | null {
  if (tokens === null || tokens.length === 0 || tokens.some(({ id }) => id < 0)) return null;
  const ids = tokens.map(({ id }) => id);
  return endId !== null && ids.at(-1) === endId ? ids.slice(0, -1) : ids;
}

/** Turns as messages: answers are sent as the ids they were. */
export function messagesOf({ system, leftOut }: Conversation, turns: readonly Turn[]): Message[] {
  const kept = turns.slice(Math.min(leftOut, turns.length - 1));
  const messages = kept.map((turn): Message => {
    const ids = turn.role === "assistant" && isOwn(turn) ? answerIds(turn) : null;
    return { role: turn.role, content: turn.text, ...(ids && { token_ids: ids }) };
  });
  return system.trim() === "" ? messages : [{ role: "system", content: system }, ...messages];
}

/** The sampling fields, without the length. */
export function samplingOf({ max_tokens: _, stop, ...settings }: Settings): Record<string, unknown> {
  return { ...settings, ...(stop && stop.length > 0 && { stop }) };
}

/** Fields of every request of the page. */
export function fieldsOf(settings: Settings, maxTokens: number): Record<string, unknown> {
  return { ...samplingOf(settings), max_tokens: maxTokens, ...(showsTokens.value && { logprobs: TOP }) };
}

interface Applied {
  prompt: string;
  tokens: number[];
  /** Tokens that end an answer in this chat format. */
  stop_token_ids?: number[];
}

/** The ids of messages in the model's chat format. `isOpen`: the last message is an answer to continue. */
export function applyTemplate(messages: Message[], isOpen: boolean, signal?: AbortSignal): Promise<Applied> {
  return askJson<Applied>("apply-template", { messages, ...(isOpen && { continue_final_message: true }) }, signal);
}

/** The text of tokens after a prompt. */
export async function textOf(promptIds: number[], ids: number[], signal?: AbortSignal): Promise<string> {
  const decode = async (tokens: number[]) =>
    tokens.length === 0 ? "" : (await askJson<{ content: string }>("detokenize", { tokens }, signal)).content;
  const [before, whole] = [await decode(promptIds), await decode([...promptIds, ...ids])];
  // A character that is not whole yet belongs to what follows.
  return whole.slice(before.length).replace(/\uFFFD+$/, "");
}

/** Room for an answer after a prompt. */
export function roomAfter(promptTokens: number): number {
  return Math.max(1, (model.value?.context ?? promptTokens + 1) - promptTokens);
}

/** A token without a text adds nothing; bytes of a character that is not whole are drawn by the text as a whole. */
export function isWhole({ text }: Pick<Token, "text">): boolean {
  return !text.startsWith("bytes:");
}

/** The settings of the shown conversation. */
export function settings(): Settings {
  return conversation.value.settings;
}
