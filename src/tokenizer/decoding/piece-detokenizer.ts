/** Decodes ids of SentencePiece pieces to text, id by id, exactly as SentencePiece decodes the whole list. Does not know how text was encoded. */

import { Utf8Decoder } from "../../formats/files/utf8.js";
import type { SentencePieceModel } from "../../formats/tokenizer/sentencepiece-model.js";
import { type Detokenizer, unknownId } from "./detokenizer.js";

const SPACE_MARK = "\u2581";

/** What each id decodes to: text, one byte, or nothing. */
export type DecodeTable = readonly (DecodeEntry | null)[];
type DecodeEntry = { readonly text: string; readonly atStart: string } | { readonly byte: number };

/** Prepares a model's pieces for decoding; detokenisers can share the table. */
export function decodeTable(
  model: Pick<SentencePieceModel, "addDummyPrefix" | "pieces" | "removeExtraWhitespaces" | "unkSurface">,
): DecodeTable {
  const strip = model.addDummyPrefix || model.removeExtraWhitespaces;
  return model.pieces.map(({ piece, type }) => {
    if (type === "control") return null;
    if (type === "byte") return { byte: Number.parseInt(piece.slice(3, 5), 16) };
    if (type === "unknown") return { text: model.unkSurface, atStart: model.unkSurface };
    const text = piece.replaceAll(SPACE_MARK, " ");
    return { text, atStart: strip && piece.startsWith(SPACE_MARK) ? text.slice(1) : text };
  });
}

/** A detokeniser at the start of a text. */
export function createPieceDetokenizer(table: DecodeTable, removeExtraWhitespaces: boolean): Detokenizer {
  const bytes = new Utf8Decoder();
  let atStart = true;

  const push = (id: number): string => {
    const entry = table[id];
    if (entry === undefined) throw unknownId(id, table.length);
    if (entry !== null && "byte" in entry) {
      // Bytes count as text even while they are held back, so a mark after them is a space.
      atStart = false;
      return bytes.push(entry.byte);
    }
    // SentencePiece decodes bytes together only if nothing is between them, not even a control piece.
    const before = bytes.flush();
    if (entry === null) return before;
    const text = atStart ? entry.atStart : entry.text;
    const removed = text.length < entry.text.length;
    if (text !== "" || (removed && !removeExtraWhitespaces)) atStart = false;
    return before + text;
  };

  return {
    push,
    flush: () => bytes.flush(),
    prime(ids) {
      for (const id of ids) push(id);
      bytes.silenceHeld();
    },
    bytes(id) {
      const entry = table[id];
      return entry && "byte" in entry ? [entry.byte] : null;
    },
  };
}
