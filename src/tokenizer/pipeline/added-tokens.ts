/** Finds added tokens in a text, as the tokenizers library does: the leftmost, of several the longest. Does not know how other text is encoded. */
import type { AddedToken } from "../../formats/tokenizer/added-token.js";
import { asUnicode16 } from "../encoding/unicode-16.js";

/** Text between added tokens, and where it begins; or the id of an added token. */
export type Section = { readonly text: string; readonly start: number } | number;

type Token = Omit<AddedToken, "normalized">;

interface Node {
  readonly next: Map<string, Node>;
  token: Token | null;
}

/** Rust's \w. */
const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const SPACE_AT_START = /^\p{White_Space}*/u;
const SPACE = /\p{White_Space}/u;

export class AddedTokens {
  readonly #root: Node = { next: new Map(), token: null };

  constructor(tokens: readonly Token[]) {
    for (const token of tokens) {
      let node = this.#root;
      for (const unit of token.content.split("")) {
        let next = node.next.get(unit);
        if (next === undefined) {
          next = { next: new Map(), token: null };
          node.next.set(unit, next);
        }
        node = next;
      }
      // The empty text is no token.
      if (node !== this.#root) node.token ??= token;
    }
  }

  /** Divides a text; `special`: special tokens count, too. */
  split(text: string, special: boolean): Section[] {
    const sections: Section[] = [];
    let done = 0;
    for (let at = 0; at < text.length; ) {
      const token = this.#longestAt(text, at);
      if (token === null) {
        at++;
        continue;
      }
      const place = at;
      at += token.content.length;
      // A token that does not count hides those within it.
      if (token.special && !special) continue;
      if (token.singleWord && isWithinWord(text, place, at)) continue;
      const start = token.lstrip ? Math.max(done, spaceBefore(text, place)) : place;
      const stop = token.rstrip ? at + SPACE_AT_START.exec(text.slice(at))![0].length : at;
      if (start > done) sections.push({ text: text.slice(done, start), start: done });
      sections.push(token.id);
      done = stop;
    }
    if (done < text.length) sections.push({ text: text.slice(done), start: done });
    return sections;
  }

  #longestAt(text: string, start: number): Token | null {
    let longest: Token | null = null;
    let node: Node | undefined = this.#root;
    for (let at = start; at < text.length; at++) {
      node = node.next.get(text[at]!);
      if (node === undefined) break;
      longest = node.token ?? longest;
    }
    return longest;
  }
}

function isWithinWord(text: string, start: number, end: number): boolean {
  // Two units are enough for the character next to the token.
  const [before, after] = [text.slice(Math.max(0, start - 2), start), text.slice(end, end + 2)].map(asUnicode16);
  return WORD_AT_END.test(before!) || WORD_AT_START.test(after!);
}

/** Where the white space before a place begins; none of it is above U+FFFF. */
function spaceBefore(text: string, place: number): number {
  let start = place;
  while (start > 0 && SPACE.test(text[start - 1]!)) start--;
  return start;
}
