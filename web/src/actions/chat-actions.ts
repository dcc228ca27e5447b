/** What the user does in Chat: send, edit, regenerate, continue, branch, choose a sibling. Each answer is one run. */
import { batch } from "@preact/signals";
import { saveSoon } from "../history/database.js";
import { newId } from "../state/conversation.js";
import { problemOf } from "../state/problems.js";
import { announcement, change, conversation, isBusy, model, notify, path, problem } from "../state/store.js";
import { pathTo, withChange, withoutTurn, withTurn } from "../state/tree.js";
import type { Alternative, Conversation, Token, Turn } from "../state/types.js";
import { answerIds, applyTemplate, fieldsOf, isOwn, isWhole, messagesOf, roomAfter, textOf } from "./requests.js";
import { run } from "./run.js";

/** An answer to write: after which turns, and what it has already. */
interface Start {
  /** The turn that is written. */
  turn: Turn;
  /** Its prompt, in each try. */
  promptIds(signal: AbortSignal): Promise<Prompt>;
  before: { text: string; tokens: Token[] };
  /** Whether the turn goes if nothing comes. */
  isNew: boolean;
}

interface Prompt {
  ids: number[];
  stopIds: number[];
}

function newTurn(role: Turn["role"], parent: string | null, text = ""): Turn {
  return { id: newId(), parent, role, text, tokens: null, model: null, endId: null, finish: null, stats: null };
}

/** Adds the user's message at the end of the shown path, and answers it. */
export function send(text: string): Promise<void> {
  const turn = newTurn("user", path.value.at(-1)?.id ?? null, text);
  change(withTurn(conversation.value, turn));
  return answer(turn.id);
}

/** Puts a changed message beside the old one, and answers it. */
export function edit(turn: Turn, text: string): Promise<void> {
  const sibling = newTurn(turn.role, turn.parent, text);
  change(withTurn(conversation.value, sibling));
  return answer(sibling.id);
}

/** Puts an answer that the user has changed beside the model's; the model sees it from now on. */
export function replaceAnswer(turn: Turn, text: string): void {
  const sibling: Turn = { ...newTurn("assistant", turn.parent, text), finish: "stop" };
  change(withTurn(conversation.value, sibling));
  saveSoon(conversation.value);
}

/** Writes an answer to this message, beside those it has. */
export async function answer(userTurn: string): Promise<void> {
  if (isBusy.value) return;
  const turn = newTurn("assistant", userTurn);
  change(withTurn(conversation.value, turn));
  const asked = pathTo(conversation.value, userTurn);
  await write({ turn, promptIds: (signal) => promptOf(asked, signal), before: { text: "", tokens: [] }, isNew: true });
}

/** Writes another answer beside this one. */
export async function regenerate(turn: Turn): Promise<void> {
  if (turn.parent !== null) await answer(turn.parent);
}

/** Lets an answer that was cut continue. */
export async function continueAnswer(turn: Turn): Promise<void> {
  if (isBusy.value) return;
  const turns = pathTo(conversation.value, turn.id);
  const ids = isOwn(turn) ? answerIds(turn) : null;
  const tokens = ids === null ? [] : turn.tokens!.slice(0, ids.length);
  const promptIds = async (signal: AbortSignal) => {
    const { tokens: all, stop_token_ids: stopIds = [] } = await applyTemplate(
      messagesOf(conversation.value, turns),
      true,
      signal,
    );
    return { ids: all, stopIds };
  };
  await write({ turn, promptIds, before: { text: turn.text, tokens }, isNew: false });
}

/** Writes a sibling of an answer that has another token at this place. */
export async function branch(turn: Turn, index: number, choice: Alternative): Promise<void> {
  if (isBusy.value || turn.parent === null || turn.tokens === null || choice.id < 0 || !isOwn(turn)) return;
  const at = turn.tokens[index]!;
  const tokens = [...turn.tokens.slice(0, index), { ...choice, top: at.top }];
  const isEnd = choice.text === "";
  const kept = isEnd ? tokens.slice(0, -1) : tokens;
  const ids = kept.map(({ id }) => id);
  const asked = pathTo(conversation.value, turn.parent);
  const text = textOfTokens(turn.text, kept) ?? (await textAfter(asked, ids));
  if (text === null || isBusy.value) return;
  const sibling = { ...newTurn("assistant", turn.parent, text), tokens };
  change(withTurn(conversation.value, sibling));
  if (isEnd) return settle(sibling.id, { text, tokens, finish: "stop", endId: choice.id, stats: null });
  const promptIds = async (signal: AbortSignal) => {
    const prompt = await promptOf(asked, signal);
    return { ...prompt, ids: [...prompt.ids, ...ids] };
  };
  await write({ turn: sibling, promptIds, before: { text, tokens }, isNew: true });
}

/** The text of tokens that are whole characters, as it begins an answer; null if they are not, or something else begins it. */
function textOfTokens(answer: string, tokens: readonly Token[]): string | null {
  if (!tokens.every(isWhole)) return null;
  const before = tokens.slice(0, -1);
  const text = before.map((token) => token.text).join("");
  const last = tokens.at(-1)?.text ?? "";
  // The first token of an answer may lose its space.
  const start = [text, text.trimStart()].find((one) => answer.startsWith(one));
  return start === undefined ? null : start + (start === "" && !answer.startsWith(" ") ? last.trimStart() : last);
}

/** The text of ids after these turns, by the server; null if it cannot say it, which is shown. */
async function textAfter(turns: readonly Turn[], ids: number[]): Promise<string | null> {
  try {
    return await textOf((await promptOf(turns)).ids, ids);
  } catch (error) {
    problem.value = problemOf(error);
    return null;
  }
}

/** Sends the turns again that were left out. */
export function sendAll(): void {
  change({ leftOut: 0 });
  saveSoon(conversation.value);
}

/** Shows the sibling before (-1) or after (1). */
export function chooseSibling(siblings: readonly Turn[], at: number, step: number): void {
  const next = siblings[at + step];
  if (!next) return;
  change({ chosen: { ...conversation.value.chosen, [next.parent ?? ""]: next.id } });
  saveSoon(conversation.value);
}

/** Removes a turn and what follows it, which can be taken back for a while. */
export function removeTurn(turn: Turn): void {
  const { id, turns, chosen } = conversation.value;
  change(withoutTurn(conversation.value, turn.id));
  saveSoon(conversation.value);
  notify("Removed", () => {
    if (isBusy.value || conversation.value.id !== id) return;
    change({ turns, chosen });
    saveSoon(conversation.value);
  });
}

async function promptOf(turns: readonly Turn[], signal?: AbortSignal): Promise<Prompt> {
  const applied = await applyTemplate(messagesOf(conversation.value, turns), false, signal);
  return { ids: applied.tokens, stopIds: applied.stop_token_ids ?? [] };
}

async function write({ turn, promptIds, before, isNew }: Start): Promise<void> {
  const { id, settings } = conversation.value;
  problem.value = null;
  saveSoon(conversation.value);
  const result = await run({
    ...{ conversation: id, turn: turn.id, before },
    async body(signal) {
      const prompt = await promptIds(signal);
      const stops = prompt.stopIds.length > 0 && { stop_token_ids: prompt.stopIds };
      return {
        ...fieldsOf(settings, settings.max_tokens ?? roomAfter(prompt.ids.length)),
        prompt: prompt.ids,
        ...stops,
      };
    },
    onProgress(text, tokens) {
      const known = { text, tokens: [...tokens], model: model.value?.name ?? null };
      saveSoon(withTree(withChange(current(id), turn.id, known), current(id)));
    },
  });
  // The tokens of a beginning that was not written by this model are not known.
  const tokens = before.text !== "" && before.tokens.length === 0 ? null : result.tokens;
  const isNothing = isNew && result.text === before.text && result.tokens.length === before.tokens.length;
  if (result.error !== null) problem.value = problemOf(result.error);
  if (isNothing && result.finish !== "stop" && result.finish !== "length") {
    change(withoutTurn(conversation.value, turn.id));
    saveSoon(conversation.value);
  } else settle(turn.id, { ...result, tokens });
}

/** The conversation of a run is the shown one: another can be opened only when nothing runs. */
function current(id: string): Conversation {
  if (conversation.value.id !== id) throw new Error("the conversation of a run was closed");
  return conversation.value;
}

function withTree(tree: Pick<Conversation, "turns" | "chosen">, whole: Conversation): Conversation {
  return { ...whole, ...tree };
}

function settle(
  id: string,
  { text, tokens, finish, endId, stats }: Pick<Turn, "text" | "tokens" | "finish" | "endId" | "stats">,
): void {
  const name = model.value?.name ?? null;
  batch(() => {
    change({
      ...withChange(conversation.value, id, { text, tokens, finish, endId, stats, model: name }),
      model: name ?? conversation.value.model,
    });
    announcement.value = finish === "failed" ? "The answer broke off" : "The answer is finished";
  });
  saveSoon(conversation.value);
}
