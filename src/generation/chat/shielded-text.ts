/**
 * Encodes a rendered dialog: names of special tokens become those tokens where the template has written them, and stay text
 * where a message has. Does not know templates.
 */
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";

/** The first and the last private-use character that may mark names. */
const PRIVATE = { first: 0xe000, last: 0xf8ff };

/** Two characters that occur in none of the texts, put around each name of a special token in a message. */
export type Marks = readonly [open: string, close: string];

/** Finds two pairs of marks that are in none of the texts. */
export function freeMarks(texts: readonly string[]): [Marks, Marks] {
  const used = new Set(texts.flatMap((text) => text.match(/[\ue000-\uf8ff]/g) ?? []));
  const free: string[] = [];
  for (let code = PRIVATE.last; free.length < 4 && code >= PRIVATE.first; code--) {
    if (!used.has(String.fromCharCode(code))) free.push(String.fromCharCode(code));
  }
  // A text that has them all loses its last ones.
  const [a = "\uf8ff", b = "\uf8fe", c = "\uf8fd", d = "\uf8fc"] = free;
  return [
    [a, b],
    [c, d],
  ];
}

type Piece = { special: string } | { plain: string };

/** Matches any of the names, longer ones first; without names it matches nothing. */
function patternOf(names: Iterable<string>): string {
  const longestFirst = [...names].filter((name) => name !== "").sort((a, b) => b.length - a.length);
  return longestFirst.map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|") || "(?!)";
}

export class ShieldedText {
  readonly #tokenizer: Tokenizer;
  /** The ids of special tokens, and of other added tokens that the template writes. */
  readonly #ids: ReadonlyMap<string, number>;
  /** Patterns of the names: of special tokens, of the others, of both. */
  readonly #special: string;
  readonly #others: string;
  readonly #names: string;

  /** `template`: the source of the template. */
  constructor(tokenizer: Tokenizer, template: string) {
    this.#tokenizer = tokenizer;
    const { specialTokens, textTokens = new Map<string, number>() } = tokenizer;
    const others = [...textTokens].filter(([name]) => name.trim() !== "" && template.includes(name));
    this.#ids = new Map([...others, ...specialTokens]);
    this.#special = patternOf(specialTokens.keys());
    this.#others = patternOf(others.map(([name]) => name));
    this.#names = patternOf(this.#ids.keys());
  }

  /** A message's text with marks around names of tokens. An answer may have the tokens that are not special, such as those around thoughts. */
  mark(text: string, [open, close]: Marks, isAnswer: boolean): string {
    return text.replaceAll(new RegExp(isAnswer ? this.#special : this.#names, "gu"), (name) => open + name + close);
  }

  /** The special token whose name a text begins with. */
  leadingSpecial(text: string): string | null {
    return new RegExp(`^(?:${this.#names})`, "u").exec(text)?.[0] ?? null;
  }

  /** Ids of a rendered text. `isRest`: of one that follows another text. */
  encode(rendered: string, marks: Marks, isRest = false): number[] {
    if (!marks.some((mark) => rendered.includes(mark))) return this.#encodeClean(rendered, isRest);
    const ids: number[] = [];
    /** Pieces that need no shield, and so are encoded as they are. */
    let clean = "";
    let isFirst = true;
    let before: string | null = null;
    const add = (found: readonly number[]) => {
      for (const id of found) ids.push(id);
    };
    const flush = () => {
      if (clean !== "") add(this.#encodeClean(clean, isRest && isFirst));
      if (clean !== "") isFirst = false;
      clean = "";
    };
    const pieces = this.#pieces(rendered, marks);
    for (const [i, piece] of pieces.entries()) {
      if ("special" in piece) {
        clean += piece.special;
        before = piece.special;
      } else if (!new RegExp(this.#names, "u").test(piece.plain)) clean += piece.plain;
      else {
        flush();
        const next = pieces[i + 1];
        add(this.#encodePlain(piece.plain, before, next && "special" in next ? next.special : null, isRest && isFirst));
        isFirst = false;
      }
    }
    flush();
    return ids;
  }

  #encodeClean(text: string, isRest: boolean): number[] {
    const tokenizer = this.#tokenizer;
    if (!isRest || this.leadingSpecial(text) !== null) return tokenizer.encode(text, { special: true });
    const newline = tokenizer.encode("\n");
    const ids = tokenizer.encode(`\n${text}`, { special: true });
    return newline.every((id, i) => ids[i] === id)
      ? ids.slice(newline.length)
      : tokenizer.encode(text, { special: true });
  }

  /** Ids of a text that has names of tokens, between two tokens that the template has written or ends of the whole. */
  #encodePlain(text: string, before: string | null, after: string | null, isRest: boolean): number[] {
    const tokenizer = this.#tokenizer;
    let plain = text;
    if (after !== null && this.#isSame(`a ${after}`, `a${after}`)) plain = plain.trimEnd();
    if (before !== null && this.#isSame(`${before} a`, `${before}a`)) plain = plain.trimStart();
    // Some tokenizers put a space before each text between special tokens, others before the first text only.
    const isLikeFirst = before === null ? !isRest : this.#isSame(`${before}a`, "a", [this.#ids.get(before)!]);
    // The tokenizer knows the tokens that are not special in every text: their names are encoded in two parts.
    const cuts = [...plain.matchAll(new RegExp(this.#others, "gu"))].map(({ index }) => index + 1);
    const parts = [0, ...cuts].map((start, i) => plain.slice(start, cuts[i]));
    return parts.flatMap((part, i) => (i === 0 && isLikeFirst ? tokenizer.encode(part) : encodeAfter(tokenizer, part)));
  }

  #isSame(one: string, other: string, prefix: readonly number[] = []): boolean {
    const [left, right] = [one, other].map((text) => this.#tokenizer.encode(text, { special: true }));
    return String(left) === String([...prefix, ...right!]);
  }

  /** Names that the template has written, and the text between them without marks. */
  #pieces(rendered: string, [open, close]: Marks): Piece[] {
    const pieces: Piece[] = [];
    let plain = "";
    let at = 0;
    const pattern = new RegExp(`${open}(${this.#names})${close}|[${open}${close}]|(${this.#names})`, "gu");
    for (const { 0: whole, 1: shielded, 2: special, index } of rendered.matchAll(pattern)) {
      plain += rendered.slice(at, index) + (shielded ?? "");
      at = index + whole.length;
      if (special === undefined) continue;
      if (plain !== "") pieces.push({ plain });
      pieces.push({ special });
      plain = "";
    }
    plain += rendered.slice(at);
    return plain === "" ? pieces : [...pieces, { plain }];
  }
}
