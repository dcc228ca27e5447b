/**
 * Checks what an imported file says, field by field, and makes conversations of it. Nothing of the file is taken that is not
 * named here, and nothing is run. Does not know where the conversations go.
 */
import { newId } from "../state/conversation.js";
import type {
  Alternative,
  Conversation,
  Finish,
  Run,
  Settings,
  Stats,
  TextState,
  Token,
  Turn,
} from "../state/types.js";

export const FORMAT = "llama-ts conversations";
export const VERSION = 1;
const MOST_CONVERSATIONS = 10_000;
const MOST_TURNS = 20_000;

/** What an exported file holds. */
export interface ExportFile {
  format: typeof FORMAT;
  version: typeof VERSION;
  exportedAt: string;
  conversations: Conversation[];
}

/** Why a file cannot be imported, for the user. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

type Fields = Record<string, unknown>;

function fail(where: string, expected: string): never {
  throw new ImportError(`${where} is not ${expected}. Nothing was imported.`);
}

function object(value: unknown, where: string): Fields {
  if (value === null || typeof value !== "object" || Array.isArray(value)) fail(where, "an object");
  return value as Fields;
}

function list(value: unknown, where: string, most: number): unknown[] {
  if (!Array.isArray(value)) fail(where, "a list");
  if (value.length > most) fail(where, `a list of at most ${most}`);
  return value;
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string") fail(where, "a text");
  return value;
}

function number(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) fail(where, "a number");
  return value;
}

function oneOf<T extends string>(value: unknown, where: string, words: readonly T[]): T {
  if (!words.includes(value as T)) fail(where, `one of ${words.join(", ")}`);
  return value as T;
}

/** The conversations of a file, with new ids. Throws ImportError that names the first wrong place. */
export function readExport(json: string): Conversation[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ImportError("The file is not JSON. Nothing was imported.");
  }
  const file = object(value, "The file");
  if (file.format !== FORMAT) fail("The file", "an export of this page");
  if (file.version !== VERSION) fail(`Version ${String(file.version)}`, `one that this page reads (${VERSION})`);
  return list(file.conversations, "conversations", MOST_CONVERSATIONS).map((one, i) => {
    return readConversation(object(one, `conversations[${i}]`), `conversations[${i}]`);
  });
}

function readConversation(fields: Fields, where: string): Conversation {
  const turns = list(fields.turns, `${where}.turns`, MOST_TURNS);
  const ids = new Map<string, string>();
  const read = turns.map((turn, i) => readTurn(object(turn, `${where}.turns[${i}]`), `${where}.turns[${i}]`, ids));
  const chosen: Record<string, string> = {};
  for (const [parent, child] of Object.entries(object(fields.chosen, `${where}.chosen`))) {
    const [from, to] = [parent === "" ? "" : ids.get(parent), ids.get(String(child))];
    if (from !== undefined && to !== undefined) chosen[from] = to;
  }
  return {
    id: newId(),
    mode: oneOf(fields.mode, `${where}.mode`, ["chat", "complete"]),
    title: text(fields.title, `${where}.title`).slice(0, 200),
    createdAt: number(fields.createdAt, `${where}.createdAt`),
    updatedAt: number(fields.updatedAt, `${where}.updatedAt`),
    model: text(fields.model, `${where}.model`).slice(0, 200),
    system: text(fields.system, `${where}.system`),
    settings: readSettings(object(fields.settings, `${where}.settings`), `${where}.settings`),
    turns: read,
    chosen,
    leftOut: Math.max(0, Math.floor(number(fields.leftOut, `${where}.leftOut`))),
    document: readDocument(object(fields.document, `${where}.document`), `${where}.document`),
  };
}

/** A turn with a new id. Its parent comes before it, so that there is no circle. */
function readTurn(fields: Fields, where: string, ids: Map<string, string>): Turn {
  const id = text(fields.id, `${where}.id`);
  if (id === "" || ids.has(id)) fail(`${where}.id`, "an id of its own");
  const parent = fields.parent === null ? null : ids.get(text(fields.parent, `${where}.parent`));
  if (parent === undefined) fail(`${where}.parent`, "a turn before this one");
  ids.set(id, newId());
  const tokens = fields.tokens === null ? null : list(fields.tokens, `${where}.tokens`, 1 << 20);
  const finishes: readonly Finish[] = ["stop", "length", "stopped", "failed"];
  return {
    id: ids.get(id)!,
    parent,
    role: oneOf(fields.role, `${where}.role`, ["user", "assistant"]),
    text: text(fields.text, `${where}.text`),
    tokens:
      tokens?.map((token, i) => readToken(object(token, `${where}.tokens[${i}]`), `${where}.tokens[${i}]`)) ?? null,
    model: fields.model === null || fields.model === undefined ? null : text(fields.model, `${where}.model`),
    endId: fields.endId === null ? null : number(fields.endId, `${where}.endId`),
    finish: fields.finish === null ? null : oneOf(fields.finish, `${where}.finish`, finishes),
    stats: fields.stats === null ? null : readStats(object(fields.stats, `${where}.stats`), `${where}.stats`),
  };
}

function readToken(fields: Fields, where: string): Token {
  const top = list(fields.top, `${where}.top`, 100).map((one, i): Alternative => {
    const place = `${where}.top[${i}]`;
    const { id, text: name, logprob } = object(one, place);
    return { id: number(id, place), text: text(name, place), logprob: number(logprob, place) };
  });
  const logprob = fields.logprob === null ? null : number(fields.logprob, `${where}.logprob`);
  return { id: number(fields.id, `${where}.id`), text: text(fields.text, `${where}.text`), logprob, top };
}

function readStats(fields: Fields, where: string): Stats {
  const names = ["promptTokens", "reusedTokens", "newTokens", "firstTokenMs", "tokensPerSecond"] as const;
  const counts = Object.fromEntries(names.map((name) => [name, number(fields[name], `${where}.${name}`)]));
  const seed = fields.seed === null ? null : number(fields.seed, `${where}.seed`);
  return { ...(counts as unknown as Omit<Stats, "seed">), seed };
}

const NUMBERS = [
  ...["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty"],
  ...["seed", "max_tokens"],
];

function readSettings(fields: Fields, where: string): Settings {
  const known = NUMBERS.filter((name) => fields[name] !== undefined);
  const settings: Settings = Object.fromEntries(known.map((name) => [name, number(fields[name], `${where}.${name}`)]));
  if (fields.stop === undefined) return settings;
  return { ...settings, stop: list(fields.stop, `${where}.stop`, 32).map((one) => text(one, `${where}.stop`)) };
}

function readDocument(fields: Fields, where: string): TextState {
  const whole = text(fields.text, `${where}.text`);
  let last = 0;
  const runs = list(fields.runs, `${where}.runs`, 1 << 20).map((one, i): Run => {
    const run = object(one, `${where}.runs[${i}]`);
    const [start, end] = [number(run.start, `${where}.runs[${i}]`), number(run.end, `${where}.runs[${i}]`)];
    const isIn =
      Number.isInteger(start) && Number.isInteger(end) && start >= last && end > start && end <= whole.length;
    if (!isIn) fail(`${where}.runs[${i}]`, "a part of the text");
    last = end;
    return { start, end };
  });
  return { text: whole, runs };
}
