/** The bytes that each token of a vocabulary adds to a text. Does not know grammars. */
import { setImmediate as breathe } from "node:timers/promises";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { tagTokens } from "./tag-tokens.js";

/** Tokens between two breaths, some milliseconds. */
const SLICE = 2048;

/**
 * The bytes of the first `count` tokens, one character a byte; "" for those that are no text: special tokens, stops, padding and
 * ids without a token. A token is taken as it is within a text: at the very start some tokenizers drop its space.
 */
export async function tokenBytes(tokenizer: Tokenizer, count: number): Promise<string[]> {
  const { specialTokens, stopIds, padId } = tokenizer;
  const silent = new Set([...specialTokens.values(), ...stopIds, padId]);
  const tags = tagTokens(tokenizer);
  const anchor = tokenizer.encode("a").at(-1)!;
  const shared = tokenizer.detokenizer();
  const result: string[] = [];
  for (let id = 0; id < count; id++) {
    if (id % SLICE === SLICE - 1) await breathe();
    const tag = tags.get(id);
    if (tag !== undefined || silent.has(id)) {
      result.push(tag ?? "");
      continue;
    }
    const bytes = shared.bytes(id);
    if (bytes !== null) {
      result.push(String.fromCharCode(...bytes));
      continue;
    }
    const detokenizer = tokenizer.detokenizer();
    detokenizer.prime([anchor]);
    result.push(Buffer.from(detokenizer.push(id) + detokenizer.flush()).toString("latin1"));
  }
  return result;
}

/** Whether a text that follows these ids begins at the start of the whole, where some tokenizers drop a space. */
export function dropsSpace(tokenizer: Tokenizer, promptIds: readonly number[], spaceId: number | null): boolean {
  if (spaceId === null || tokenizer.units === "bytes") return false;
  const detokenizer = tokenizer.detokenizer();
  detokenizer.prime(promptIds);
  return !(detokenizer.push(spaceId) + detokenizer.flush()).startsWith(" ");
}
