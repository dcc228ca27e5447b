/** Encodes a text that is too long to encode at once. Knows where a text may be divided; does not know how it is encoded. */
import { LlamaError } from "../../error.js";
import { encodeAfter, type Tokenizer } from "../tokenizer.js";

/** Characters encoded at once. */
const MAX_PIECE = 500_000;

/** Ids of a text of any length, which is divided after newlines, where no token crosses. Throws a LlamaError for a line that is too long. */
export function encodeLong(tokenizer: Tokenizer, text: string): number[] {
  const ids: number[] = [];
  for (let start = 0; start < text.length; ) {
    let end = text.length;
    if (end - start > MAX_PIECE) {
      end = start + MAX_PIECE;
      while (end > start && !(text[end - 1] === "\n" && /\S/.test(text[end]!))) end--;
      if (end === start) throw new LlamaError("usage", `has a line of more than ${MAX_PIECE} characters`);
    }
    const piece = text.slice(start, end);
    for (const id of start === 0 ? tokenizer.encode(piece) : encodeAfter(tokenizer, piece)) ids.push(id);
    start = end;
  }
  return ids;
}
