/** Special tokens of some models that are a part of answers with calls: in answers with a form they are text, their names. Does not know tools. */
import type { Detokenizer } from "../../tokenizer/decoding/detokenizer.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";

const TAGS = ["<tool_call>", "</tool_call>"];

/** Their names by id. A tokenizer that has them as ordinary tokens decodes them itself. */
export function tagTokens({ specialTokens, stopIds }: Tokenizer): ReadonlyMap<number, string> {
  const found = TAGS.flatMap((name): [number, string][] => {
    const id = specialTokens.get(name);
    return id === undefined || stopIds.has(id) ? [] : [[id, name]];
  });
  return new Map(found);
}

/** A detokenizer that decodes these tokens to their names. */
export function taggedDetokenizer(tokenizer: Tokenizer): Detokenizer {
  const names = tagTokens(tokenizer);
  const inner = tokenizer.detokenizer();
  if (names.size === 0) return inner;
  return {
    push(id) {
      const name = names.get(id);
      // Some tokenizers decode all special tokens to their names, others to nothing.
      return name === undefined ? inner.push(id) : inner.flush() + name;
    },
    flush: () => inner.flush(),
    prime: (ids) => inner.prime(ids),
    bytes: (id) => inner.bytes(id),
  };
}
