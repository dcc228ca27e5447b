/** Rebuilds a SentencePiece model from a GGUF vocabulary. Does not know how it is written or how it encodes. */
import { LlamaError } from "../../error.js";
import { type GgufVocabulary, missingList } from "../../formats/tokenizer/gguf-vocabulary.js";
import type { Piece, PieceType, SentencePieceModel } from "../../formats/tokenizer/sentencepiece-model.js";

/** The model of a vocabulary; `defaults` are the ids that the file need not name. Throws a LlamaError (model) if it has no scores. */
export function sentencePieceModel(
  vocabulary: GgufVocabulary,
  defaults: Record<"bos" | "eos" | "unk", number>,
): SentencePieceModel {
  const { path, tokens, ids, flags } = vocabulary;
  const { bos = defaults.bos, eos = defaults.eos, pad } = ids;
  const unk = ids.unk ?? defaults.unk;
  for (const [name, id] of Object.entries({ bos, eos, unk })) {
    if (id !== null && id < tokens.length) continue;
    const where = `${path}: tokenizer.ggml.${name === "unk" ? "unknown" : name}_token_id`;
    throw new LlamaError("model", "a SentencePiece model needs this token", {
      where,
      expected: "an id",
      found: "none",
    });
  }
  const special = new Map<number, PieceType>([
    [bos!, "control"],
    [eos!, "control"],
    [unk, "unknown"],
  ]);
  const scores = mergeScores(vocabulary);
  const pieces = tokens.map(
    (piece, id): Piece => ({ piece, score: scores[id]!, type: typeOf(vocabulary, special, id) }),
  );
  // Tokens for the rows that a model has beyond its vocabulary.
  while (pieces.at(-1)?.type === "unused") pieces.pop();
  return {
    pieces,
    ...{ unkId: unk, bosId: bos!, eosId: eos!, padId: typeof pad === "number" && pad < pieces.length ? pad : -1 },
    byteFallback: pieces.some(({ type }) => type === "byte"),
    unkSurface: " \u2047 ",
    addDummyPrefix: flags.addSpacePrefix ?? true,
    removeExtraWhitespaces: flags.removeExtraWhitespaces ?? false,
    escapeWhitespaces: true,
  };
}

/** A model has one unknown piece, but some converters give its type to others, or to none. */
function typeOf({ types }: GgufVocabulary, special: ReadonlyMap<number, PieceType>, id: number): PieceType {
  return special.get(id) ?? (types[id] === "unknown" ? "control" : types[id]!);
}

/**
 * The scores, which order the merges. A converter that does not know them writes the same number for every piece; a trained
 * model numbers its pieces in the order of their merges, so the ids then say the order.
 */
function mergeScores({ path, tokens, types, scores }: GgufVocabulary): readonly number[] {
  if (scores === null) throw missingList(path, "scores");
  const merged = tokens.flatMap((token, id) => (types[id] === "normal" && [...token].length > 1 ? [scores[id]!] : []));
  const [first] = merged;
  const isUnknown = merged.length > 1 && merged.every((score) => score === first);
  return isUnknown ? tokens.map((_, id) => -id) : scores;
}
