/** Encodes texts as a tokenizer.json says: added tokens, normalizers, pre-tokenizers, then merges. Does not know BOS, EOS or decoding. */

import type { AddedToken } from "../../formats/tokenizer/added-token.js";
import { readMerges } from "../../formats/tokenizer/bpe-merges.js";
import type { BytePairModel, TokenizerJson } from "../../formats/tokenizer/tokenizer-json.js";
import { encodable } from "../encoding/encodable-text.js";
import { MergeEncoder } from "../encoding/merge-encoder.js";
import { AddedTokens } from "./added-tokens.js";
import { createNormalizer } from "./normalizer.js";
import { createPreTokenizer } from "./pre-tokenizer.js";
import { withTimeLimit } from "./time-limit.js";

/** Makes the function that encodes. Throws a LlamaError for a pattern or a merge that cannot be used; `path` is the tokenizer's file. */
export function createTextPipeline(
  { model, normalizers, preTokenizers }: Pick<TokenizerJson, "model" | "normalizers" | "preTokenizers">,
  added: readonly AddedToken[],
  path: string,
): (text: string, special: boolean) => number[] {
  const normalize = createNormalizer(normalizers, path);
  const divide = createPreTokenizer(preTokenizers, path);
  const words = new MergeEncoder(model, readMerges(path, model), unknownId(model, added));
  const inText = new AddedTokens(added.filter(({ normalized }) => !normalized));
  const inNormalized = new AddedTokens(
    added.filter(({ normalized }) => normalized).map((token) => ({ ...token, content: normalize(token.content).text })),
  );
  const encode = (text: string, special: boolean) => {
    const ids: number[] = [];
    for (const section of inText.split(text, special)) {
      if (typeof section === "number") {
        ids.push(section);
        continue;
      }
      const normalized = normalize(section.text);
      for (const part of inNormalized.split(normalized.text, special)) {
        if (typeof part === "number") ids.push(part);
        else {
          const isFirst = section.start + part.start === 0 && normalized.keepsStart;
          for (const word of divide(part.text, isFirst)) words.encode(word, ids);
        }
      }
    }
    return ids;
  };
  return (text, special) => {
    const checked = encodable(text);
    return withTimeLimit(() => encode(checked, special), checked.length, path);
  };
}

function unknownId({ vocab, unknown }: BytePairModel, added: readonly AddedToken[]): number | undefined {
  if (unknown === null) return undefined;
  return vocab.get(unknown) ?? added.find(({ content }) => content === unknown)?.id;
}
