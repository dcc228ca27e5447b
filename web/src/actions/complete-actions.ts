/** What the user does in Complete: continue at the cursor, undo, branch at a token. Each is one run. */
import { batch, signal } from "@preact/signals";
import { saveSoon } from "../history/database.js";
import { problemOf } from "../state/problems.js";
import { afterEdit, upTo, withRun } from "../state/ranges.js";
import { announcement, change, conversation, cursor, isBusy, model, problem, showsTokens } from "../state/store.js";
import type { Alternative, Model, Stats, TextState, Token } from "../state/types.js";
import { UndoStack } from "../state/undo.js";
import { askJson } from "../wire/api.js";
import { promptTokens, withIds } from "../wire/prompt-tokens.js";
import { answerIds, COMPLETE_TOKENS, fieldsOf, TOP, textOf } from "./requests.js";
import { type RunResult, run } from "./run.js";

/** The tokens of the whole text; null: not known for the text as it is. */
export const textTokens = signal<{ text: string; tokens: Token[] } | null>(null);
// Ids belong to a model: one that the server has loaded since may have others.
model.subscribe(() => {
  textTokens.value = null;
});
/** What the last run was like; null: none yet. */
export const lastStats = signal<Stats | null>(null);
/** Which undo and redo there are. */
export const undoable = signal({ undo: false, redo: false });

const stack = new UndoStack();
/** The ids of a text as the model saw and wrote them: a text that begins again there continues exactly. */
let known: { text: string; ids: number[]; model: Model | null } | null = null;
let owner = "";

const now = () => ({ state: conversation.value.document, cursor: cursor.value });

/** Another text is shown: nothing can be undone in it. */
function checkOwner(): void {
  if (known && known.model !== model.value) known = null;
  if (owner === conversation.value.id) return;
  owner = conversation.value.id;
  known = null;
  stack.clear();
}

function noteStack(): void {
  undoable.value = { undo: stack.canUndo, redo: stack.canRedo };
}

function setText(document: TextState, at: number): void {
  batch(() => {
    change({ document });
    cursor.value = at;
    noteStack();
  });
  saveSoon(conversation.value);
}

/** The user has typed. */
export function typeText(text: string, at: number): void {
  checkOwner();
  stack.keepTyping({ ...now(), cursor: at }, performance.now());
  setText(afterEdit(conversation.value.document, text, at), at);
}

export function undo(): void {
  checkOwner();
  const step = isBusy.value ? null : stack.undo(now());
  if (step) setText(step.state, step.cursor);
}

export function redo(): void {
  checkOwner();
  const step = isBusy.value ? null : stack.redo(now());
  if (step) setText(step.state, step.cursor);
}

/** Lets the model continue at the cursor; what follows stays after its words. */
export async function continueText(): Promise<void> {
  if (isBusy.value) return;
  checkOwner();
  const { document } = conversation.value;
  const at = Math.min(cursor.value, document.text.length);
  const before = document.text.slice(0, at);
  const tokens = textTokens.value?.text === before ? textTokens.value.tokens : null;
  // A text that was cut back has nothing to leave out.
  if (conversation.value.leftOut >= at) change({ leftOut: 0 });
  const prompt = known?.text === before ? known.ids : before.slice(conversation.value.leftOut);
  await write({ base: document, at, prompt, tokens });
}

/** Part of the context that the end of a text may fill, so that there is room for more. */
const FILLED = 0.75;

/** Lets the model see the end of the text only, as much as leaves room, from the beginning of a line or a word; and continues. */
export async function continueEnd(): Promise<void> {
  const context = model.value?.context;
  const before = conversation.value.document.text.slice(0, cursor.value);
  if (isBusy.value || context === undefined) return;
  checkOwner();
  try {
    const { count } = await askJson<{ count: number }>("tokenize", { prompt: before });
    const from = Math.ceil(before.length * (1 - Math.min(1, (FILLED * context) / count)));
    const line = before.indexOf("\n", from);
    const start = line >= 0 && line - from < 0.2 * (before.length - from) ? line + 1 : before.indexOf(" ", from) + 1;
    known = null;
    change({ leftOut: Math.max(from, start) });
    await continueText();
  } catch (error) {
    problem.value = problemOf(error);
  }
}

/** Takes another token at a place of the text; what followed it goes, and the model continues. */
export async function branchText(index: number, choice: Alternative): Promise<void> {
  const shown = textTokens.value;
  if (isBusy.value || shown === null || choice.id < 0) return;
  checkOwner();
  const ids = shown.tokens.slice(0, index).map(({ id }) => id);
  try {
    const [kept, whole] = [await textOf([], ids), await textOf([], [...ids, choice.id])];
    const cut = upTo(conversation.value.document, kept.length);
    stack.keep(now());
    const base = withRun(cut, kept.length, whole.slice(kept.length));
    setText(base, base.text.length);
    const tokens = [...shown.tokens.slice(0, index), { ...choice, top: shown.tokens[index]!.top }];
    textTokens.value = { text: base.text, tokens };
    if (choice.text === "") return;
    await write({ base, at: base.text.length, prompt: [...ids, choice.id], tokens, isKept: true });
  } catch (error) {
    problem.value = problemOf(error);
  }
}

interface Start {
  base: TextState;
  at: number;
  prompt: string | number[];
  /** Of the text before `at`; null: not known. */
  tokens: Token[] | null;
  /** The state before is in the undo stack already. */
  isKept?: boolean;
}

async function write({ base, at, prompt, tokens, isKept = false }: Start): Promise<void> {
  const { id, settings } = conversation.value;
  problem.value = null;
  if (!isKept) stack.keep({ state: base, cursor: at });
  const wantsEcho = showsTokens.value && tokens === null;
  const result = await run({
    ...{ conversation: id, turn: null },
    body: async () => ({
      ...fieldsOf(settings, settings.max_tokens ?? COMPLETE_TOKENS),
      ...{ prompt, ...(wantsEcho && { echo: true }) },
    }),
    onProgress: (text) => saveSoon({ ...conversation.value, document: withRun(base, at, text) }),
  });
  if (result.error !== null) problem.value = problemOf(result.error);
  lastStats.value = result.stats;
  if (result.text === "") stack.undo(now());
  settle(base, at, result, tokens);
}

function settle(base: TextState, at: number, result: RunResult, tokens: Token[] | null): void {
  const before = base.text.slice(0, at);
  const ids = answerIds(result);
  known =
    ids && result.promptIds
      ? { text: before + result.text, ids: [...result.promptIds, ...ids], model: model.value }
      : null;
  const all = tokens ?? (result.echo && result.promptIds ? withIds(result.echo, result.promptIds) : null);
  batch(() => {
    change({ document: withRun(base, at, result.text), model: model.value?.name ?? "" });
    cursor.value = at + result.text.length;
    if (showsTokens.value && all) {
      textTokens.value = { text: before + result.text, tokens: [...all, ...result.tokens] };
    }
    announcement.value = result.finish === "failed" ? "The text broke off" : "The text is finished";
    noteStack();
  });
  saveSoon(conversation.value);
}

/** Asks for the tokens of the text as it is, with their probabilities. */
export async function readTextTokens(signal: AbortSignal): Promise<void> {
  checkOwner();
  const { text } = conversation.value.document;
  if (textTokens.value?.text === text) return;
  const prompt = known?.text === text ? known.ids : text;
  try {
    const tokens = await promptTokens(prompt, TOP, signal);
    if (!signal.aborted) textTokens.value = { text, tokens };
  } catch (error) {
    if (!signal.aborted) problem.value = problemOf(error);
  }
}
