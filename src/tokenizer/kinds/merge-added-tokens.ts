/** Joins the added tokens of a tokenizer's file with those of the files beside it, as transformers does. Does not know how they are found in a text. */
import { type AddedToken, addedToken } from "../../formats/tokenizer/added-token.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";

/**
 * The file's own come first: another file can only make them special. A token of the vocabulary keeps its id. A name of a
 * special token that has no id gets the next one.
 */
export function mergeAddedTokens(
  vocab: ReadonlyMap<string, number>,
  own: readonly AddedToken[],
  { addedTokens = [], specialNames = [] }: TokenizerSettings,
): AddedToken[] {
  const byName = new Map(own.map((token) => [token.content, token]));
  const taken = new Set([...vocab.values(), ...own.map(({ id }) => id)]);
  let last = [...taken].reduce((most, id) => Math.max(most, id), -1);
  const put = (token: AddedToken) => {
    byName.set(token.content, token);
    taken.add(token.id);
    last = Math.max(last, token.id);
  };
  for (const token of [...addedTokens].sort((a, b) => a.id - b.id)) {
    const known = byName.get(token.content);
    if (known !== undefined) put({ ...known, special: known.special || token.special });
    else put({ ...token, id: vocab.get(token.content) ?? (taken.has(token.id) ? last + 1 : token.id) });
  }
  for (const name of specialNames) {
    const known = byName.get(name);
    put(
      known === undefined
        ? addedToken(vocab.get(name) ?? last + 1, name, { special: true })
        : { ...known, special: true },
    );
  }
  return [...byName.values()];
}
