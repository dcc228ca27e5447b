/**
 * Cuts Markdown into blocks. While a text grows, only its end is cut again: blocks that cannot change any more stay the same
 * objects, so that they are not drawn again. Does not know elements.
 */
import { Lexer, type Token } from "marked";

/** A text that is cut. */
export interface Lexed {
  /** The text as it was given. */
  source: string;
  blocks: Token[];
  /** Length of `source` in which the first `stable` blocks stand. */
  stableEnd: number;
  stable: number;
  /** Addresses that are named once and used anywhere, as [name]: address. */
  links: Links;
}

type Links = Lexer["tokens"]["links"];

/** Characters of an end that is cut again with each piece. A longer one stays plain text until it ends, unless it is code. */
const MAX_TAIL = 8_000;
/** Characters of a text that is cut at all: marked takes seconds for longer ones that are made for it. */
const MAX_TEXT = 400_000;
/** Blocks at the end that more text can change: a list continues after an empty line. */
const OPEN_BLOCKS = 2;
const EMPTY: Lexed = { source: "", blocks: [], stableEnd: 0, stable: 0, links: {} };

/** All blocks of a text that does not grow. Throws nothing: what cannot be cut is one block of plain text. */
export function lex(text: string): Token[] {
  const source = clean(text);
  return source.length > MAX_TEXT ? [plain(source)] : (cut(source, {})?.blocks ?? [plain(source)]);
}

/** The blocks of a text that grows. `before`: what this returned for its beginning; null at first. */
export function lexMore(before: Lexed | null, text: string): Lexed {
  const source = clean(text);
  const old = before && source.startsWith(before.source.slice(0, before.stableEnd)) ? before : EMPTY;
  const tail = source.slice(old.stableEnd);
  const kept = old.blocks.slice(0, old.stable);
  const isLong = tail.length > MAX_TAIL && !/^ {0,3}(```|~~~)/.test(tail);
  const more = isLong || source.length > MAX_TEXT ? null : cut(tail, old.links);
  if (!more) return { ...old, source, blocks: [...kept, plain(tail)] };
  const { blocks, links } = more;
  const isRaw = blocks.map(({ raw }) => raw).join("") === tail;
  const count = isRaw ? closed(blocks) : 0;
  const end = blocks.slice(0, count).reduce((sum, { raw }) => sum + raw.length, old.stableEnd);
  return { source, blocks: [...kept, ...blocks], stable: kept.length + count, stableEnd: end, links };
}

/** How many blocks at the beginning more text cannot change. */
function closed(blocks: readonly Token[]): number {
  let open = 0;
  for (let i = blocks.length - 1; i >= 0; i--) {
    if (blocks[i]!.type === "space") continue;
    open++;
    if (open === OPEN_BLOCKS) return i;
  }
  return 0;
}

function cut(text: string, links: Links): { blocks: Token[]; links: Links } | null {
  try {
    // Models write one line below the other and mean two lines.
    const lexer = new Lexer({ gfm: true, breaks: true });
    Object.assign(lexer.tokens.links, links);
    const blocks = lexer.lex(text);
    return { blocks: [...blocks], links: { ...lexer.tokens.links } };
  } catch {
    // Thousands of ">" overflow marked's stack.
    return null;
  }
}

function clean(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

function plain(text: string): Token {
  return { type: "plain", raw: text, text };
}
