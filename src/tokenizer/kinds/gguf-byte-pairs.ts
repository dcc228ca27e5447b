/** Rebuilds the tokenizer.json of a byte-level vocabulary in a GGUF file. Does not know how it encodes. */
import { type GgufVocabulary, missingList } from "../../formats/tokenizer/gguf-vocabulary.js";
import type { PreTokenizer } from "./gguf-pre-tokenizers.js";

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };

/** The root object of the tokenizer.json. Throws a LlamaError (model) if there are no merges. */
export function bytePairsJson(vocabulary: GgufVocabulary, rule: PreTokenizer): Record<string, unknown> {
  const { path, tokens, types, merges } = vocabulary;
  if (merges === null) throw missingList(path, "merges");
  const added = [...tokens.entries()].filter(([id]) => ["control", "user-defined", "unknown"].includes(types[id]!));
  // An added token is not in the vocabulary, where a piece of text could become it, unless merges need it there.
  const needed = namesInMerges(merges, new Set(added.map(([, token]) => token)));
  const vocab = [...tokens.entries()].filter(
    ([id, token]) => types[id] === "normal" || types[id] === "byte" || needed.has(token),
  );
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const split = (pattern: string) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  });
  return {
    version: "1.0",
    added_tokens: added.map(([id, content]) => ({ id, content, ...flags, special: types[id] !== "user-defined" })),
    normalizer: rule.composes ? { type: "NFC" } : null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [...rule.patterns.map(split), BYTE_LEVEL] },
    post_processor: null,
    decoder: BYTE_LEVEL,
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: rule.ignoreMerges },
      // fromEntries also defines keys such as __proto__.
      vocab: Object.fromEntries(vocab.map(([id, token]) => [token, id])),
      merges,
    },
  };
}

/** Those of a few names that are a part of a merge, or its result. There are hundreds of thousands of merges. */
function namesInMerges(merges: readonly string[], names: ReadonlySet<string>): Set<string> {
  const lengths = new Set(Array.from(names, ({ length }) => length));
  const found = new Set<string>();
  for (const merge of merges) {
    const space = merge.indexOf(" ");
    const take = (start: number, end: number, name = () => merge.slice(start, end)) => {
      if (lengths.has(end - start) && names.has(name())) found.add(name());
    };
    take(0, space);
    take(space + 1, merge.length);
    take(1, merge.length, () => merge.replace(" ", ""));
  }
  return found;
}
