/** The first line of a session file: turns, settings, and what the KV cache after it belongs to. Knows JSON and its checks. */
import { LlamaError } from "../../error.js";
import { isObject } from "../../formats/files/json-value.js";
import { CHAT_NAMES, type ChatName } from "../chat/chat-format.js";

export const CONVERSATION_FORMAT = "llama-ts session";
/** Counts changes of the file that older programs cannot read. */
export const CONVERSATION_VERSION = 1;

export interface SavedTurn {
  user: string;
  answer: string;
  /** The tokens of the answer, as they were generated. */
  ids: number[];
}

/** The KV cache after the header, layer by layer. */
export interface SavedKv {
  /** Engine.identity of the engine it is from. */
  identity: string;
  /** The tokens in it. */
  ids: number[];
}

export interface ConversationHeader {
  format: typeof CONVERSATION_FORMAT;
  version: typeof CONVERSATION_VERSION;
  chat: ChatName;
  /** SHA-256 of the chat template; null or missing for other formats. */
  template?: string | null;
  system: string | null;
  /** The program's own, not read here. */
  settings: Readonly<Record<string, unknown>>;
  turns: SavedTurn[];
  cache: SavedKv | null;
}

/** Reads and checks a header; throws LlamaError that says what is wrong with the file. */
export function parseHeader(text: string, where: string): ConversationHeader {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new LlamaError("usage", "is not a session file, or is cut", { where, cause });
  }
  if (!isObject(header) || header.format !== CONVERSATION_FORMAT)
    throw new LlamaError("usage", "is not a session file", { where });
  const { version, chat, template = null, system, settings, turns, cache } = header;
  if (version !== CONVERSATION_VERSION) {
    const expected = `version ${CONVERSATION_VERSION}`;
    throw new LlamaError("usage", "is of another version", { where, expected, found: String(version) });
  }
  const isRight =
    CHAT_NAMES.includes(chat as ChatName) &&
    (chat === "template") === (typeof template === "string") &&
    (system === null || typeof system === "string") &&
    isObject(settings) &&
    Array.isArray(turns) &&
    turns.every(isTurn) &&
    (cache === null || isCache(cache));
  if (!isRight) throw new LlamaError("usage", "is a damaged session file", { where });
  return header as unknown as ConversationHeader;
}

function isTurn(value: unknown): boolean {
  return isObject(value) && typeof value.user === "string" && typeof value.answer === "string" && areCounts(value.ids);
}

function isCache(value: unknown): boolean {
  return isObject(value) && typeof value.identity === "string" && areCounts(value.ids);
}

function areCounts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}
