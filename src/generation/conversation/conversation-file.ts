/**
 * Conversations in files: a line of JSON and, if asked for, the KV cache, with a checksum over all. Knows the KV cache as the
 * bytes of layers. What does not belong to this model is computed again from the turns.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { ModelEngine } from "../../engine/host/model-engine.js";
import { LlamaError } from "../../error.js";
import { AtomicFile } from "../../formats/files/atomic-file.js";
import { fileError } from "../../formats/files/file-error.js";
import { decodeText } from "../../formats/files/text.js";
import { lengthOf } from "../../formats/tensor/range.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { BOOLEAN, checkOptions, OBJECT, type OptionTypes } from "../options/check-options.js";
import type { RequestLoop } from "../scheduling/request-loop.js";
import type { Conversation, Turn } from "./conversation.js";
import {
  CONVERSATION_FORMAT,
  CONVERSATION_VERSION,
  type ConversationHeader,
  parseHeader,
  type SavedKv,
} from "./conversation-header.js";

/** A longer first line is not a header. */
const MAX_HEADER = 64 << 20;
const DIGEST_BYTES = 32;

export interface SaveOptions {
  /** Write the KV cache too: the next answer then runs only what is new. */
  cache?: boolean;
  /** Kept with the turns, for the caller. */
  settings?: Readonly<Record<string, unknown>>;
}

const SAVE_TYPES: OptionTypes<SaveOptions> = { cache: BOOLEAN, settings: OBJECT };

/** Writes a conversation as it is at the call, whole or not at all; a file that is not a session is not overwritten. */
export async function writeConversation(
  engine: ModelEngine,
  loop: RequestLoop,
  conversation: Conversation,
  file: string,
  options: SaveOptions,
): Promise<void> {
  checkOptions(options, SAVE_TYPES);
  const { cache = false, settings = {} } = options;
  const turns = conversation.turns.map(({ user, answer, answerIds }) => ({ user, answer, ids: answerIds }));
  const { format, system, lastIds } = conversation;
  const header: ConversationHeader = {
    format: CONVERSATION_FORMAT,
    version: CONVERSATION_VERSION,
    chat: format.name,
    ...(format.templateHash !== null && { template: format.templateHash }),
    system,
    settings,
    turns,
    cache: null,
  };
  const writeWith = async (found: { sequence: number; length: number } | null) => {
    await refuseForeign(file);
    const whole = await AtomicFile.create(file, 0o600);
    try {
      const hash = createHash("sha256");
      const write = async (bytes: Uint8Array) => {
        hash.update(bytes);
        await whole.write(bytes);
      };
      const saved: SavedKv | null = found && { identity: engine.identity, ids: lastIds.slice(0, found.length) };
      await write(Buffer.from(`${JSON.stringify({ ...header, cache: saved })}\n`));
      if (found) {
        for await (const layer of engine.save(found.sequence, found.length)) await write(layer);
        await whole.write(hash.digest());
      }
      await whole.finish();
    } catch (error) {
      await whole.abandon();
      throw error;
    }
  };
  // From now on nobody changes the KV cache until it is written, whatever becomes of the conversation.
  return cache ? loop.withPrefix(lastIds, writeWith) : writeWith(null);
}

/** What became of a session's KV cache. */
export type CacheRestore = "restored" | "absent" | "of another model or type" | "damaged";

export interface LoadedConversation {
  conversation: Conversation;
  settings: Readonly<Record<string, unknown>>;
  cache: CacheRestore;
}

export interface OpenConversation {
  header: ConversationHeader;
  /** Fills a conversation that was made for the header. */
  fill(engine: ModelEngine, loop: RequestLoop, conversation: Conversation, tokenizer: Tokenizer): Promise<CacheRestore>;
  close(): Promise<void>;
}

export async function openConversation(file: string): Promise<OpenConversation> {
  const handle = await open(file, "r").catch((error) => {
    throw fileError(file, error, "usage");
  });
  try {
    const line = await readLine(handle, file);
    const header = parseHeader(decodeText(line, file), file);
    return {
      header,
      async fill(engine, loop, conversation, tokenizer) {
        conversation.turns = header.turns.map((turn) => restoreTurn(turn, conversation, tokenizer));
        return fillCache(handle, line, header.cache, engine, loop, conversation);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The tokens of an answer, if they are its text with this tokenizer; else those that the text encodes to. */
function restoreTurn(
  { user, answer, ids }: ConversationHeader["turns"][number],
  { format }: Conversation,
  tokenizer: Tokenizer,
): Turn {
  const isSame = ids.every((id) => id < tokenizer.vocabSize) && tokenizer.decode(ids).trim().startsWith(answer.trim());
  return { user, answer, answerIds: isSame ? ids : format.encodeAnswer(answer) };
}

/** Fills a sequence while the checksum is computed; the conversation uses it only if that is right. */
async function fillCache(
  handle: FileHandle,
  line: Buffer,
  cache: SavedKv | null,
  engine: ModelEngine,
  loop: RequestLoop,
  conversation: Conversation,
): Promise<CacheRestore> {
  if (cache === null || cache.ids.length > conversation.maxSeqLen) return "absent";
  if (cache.identity !== engine.identity) return "of another model or type";
  const hash = createHash("sha256").update(line).update("\n");
  const { size } = await handle.stat();
  const layerBytes = engine.layerBytes(cache.ids.length);
  if (size !== line.length + 1 + lengthOf(engine.layers) * layerBytes + DIGEST_BYTES) return "damaged";
  let position = line.length + 1;
  const read = async (length: number) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await handle.read(bytes, at, length - at, position + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    position += length;
    return bytes;
  };
  const sequence = engine.newSequence();
  let isRight = false;
  try {
    for (let layer = engine.layers.start; layer < engine.layers.end; layer++) {
      const rows = await read(layerBytes);
      hash.update(rows);
      await engine.restore(sequence, layer, rows);
    }
    isRight = hash.digest().equals(await read(DIGEST_BYTES));
  } finally {
    if (!isRight) engine.release(sequence);
  }
  if (!isRight) return "damaged";
  loop.adopt(sequence, cache.ids, conversation);
  conversation.restored(cache.ids);
  return "restored";
}

async function refuseForeign(file: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw fileError(file, error, "usage");
  }
  try {
    const start = `{"format":"${CONVERSATION_FORMAT}"`;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(start.length), 0, start.length, 0);
    if (bytesRead === 0 || buffer.toString("utf8") === start) return;
  } catch (error) {
    throw fileError(file, error, "usage");
  } finally {
    await handle.close();
  }
  throw new LlamaError("usage", "exists and is not a session file; not overwritten", { where: file });
}

/** The bytes before the first newline. */
async function readLine(handle: FileHandle, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for (let position = 0; position < MAX_HEADER; ) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(1 << 16), 0, 1 << 16, position);
      const end = buffer.subarray(0, bytesRead).indexOf(0x0a);
      chunks.push(buffer.subarray(0, end < 0 ? bytesRead : end));
      if (end >= 0 || bytesRead === 0) return Buffer.concat(chunks);
      position += bytesRead;
    }
  } catch (error) {
    throw fileError(file, error, "usage");
  }
  throw new LlamaError("usage", "is not a session file", { where: file });
}
