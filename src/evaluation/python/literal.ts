/** Reads a Python literal as ast.literal_eval does: texts, numbers, None, True, False, lists, tuples and dicts. Executes nothing. */

/** Deeper data have no meaning here, and every level is a call. */
const MAX_DEPTH = 50;
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const NAMES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["None", null],
  ["True", true],
  ["False", false],
]);
const PLAIN_ESCAPES: Record<string, string> = {
  ...{ "\n": "", "\\": "\\", "'": "'", '"': '"', a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
};
const CODE_LENGTHS: Record<string, number> = { x: 2, u: 4, U: 8 };

/** The value of a literal; a tuple is a list, a dict an object. Throws SyntaxError that says where it cannot be read. */
export function readLiteral(source: string): unknown {
  const reader = new LiteralReader(source);
  const value = reader.value(0);
  reader.end();
  return value;
}

class LiteralReader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) this.#fail(`more than ${MAX_DEPTH} levels`);
    const next = this.#peek();
    if (next === "[" || next === "(") return this.#items(next === "[" ? "]" : ")", depth);
    if (next === "{") return this.#dict(depth);
    if (this.#textPrefix() !== null) return this.#texts();
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#source)?.[0];
    if (number !== undefined) {
      if (/^[+-]?0+[1-9]\d*$/.test(number)) this.#fail("a leading zero");
      this.#at += number.length;
      return Number(number);
    }
    for (const [name, value] of NAMES) {
      if (!this.#source.startsWith(name, this.#at)) continue;
      this.#at += name.length;
      return value;
    }
    return this.#fail("no literal");
  }

  end(): void {
    if (this.#peek() !== "") this.#fail("more text");
  }

  #fail(problem: string): never {
    throw new SyntaxError(`${problem} at character ${this.#at}`);
  }

  /** The next character that is not white space, which is skipped; "" at the end. */
  #peek(): string {
    while (/[ \t\r\n\f]/.test(this.#source[this.#at] ?? "")) this.#at++;
    return this.#source[this.#at] ?? "";
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #items(close: string, depth: number): unknown[] {
    this.#at++;
    const items: unknown[] = [];
    while (!this.#take(close)) {
      items.push(this.value(depth + 1));
      if (this.#take(",")) continue;
      if (!this.#take(close)) this.#fail(`neither "," nor "${close}"`);
      break;
    }
    return items;
  }

  #dict(depth: number): Record<string, unknown> {
    this.#at++;
    const entries: [string, unknown][] = [];
    while (!this.#take("}")) {
      const key = this.value(depth + 1);
      if (!this.#take(":")) this.#fail('no ":"');
      entries.push([String(key), this.value(depth + 1)]);
      if (this.#take(",")) continue;
      if (!this.#take("}")) this.#fail('neither "," nor "}"');
      break;
    }
    return Object.fromEntries(entries);
  }

  /** The length of the letters before a text's quote; null if no text is next. */
  #textPrefix(): number | null {
    this.#peek();
    const prefix = /^(?:[uU]?|[rR])(?=['"])/.exec(this.#source.slice(this.#at, this.#at + 2))?.[0];
    return prefix === undefined ? null : prefix.length;
  }

  /** Texts one after another are one text. */
  #texts(): string {
    const parts: string[] = [];
    for (let prefix = this.#textPrefix(); prefix !== null; prefix = this.#textPrefix()) {
      const isRaw = /[rR]/.test(this.#source.slice(this.#at, this.#at + prefix));
      this.#at += prefix;
      const one = this.#source[this.#at]!;
      const quote = this.#source.startsWith(one.repeat(3), this.#at) ? one.repeat(3) : one;
      this.#at += quote.length;
      parts.push(this.#text(quote, isRaw));
    }
    return parts.join("");
  }

  #text(quote: string, isRaw: boolean): string {
    const parts: string[] = [];
    for (let from = this.#at; ; ) {
      const character = this.#source[this.#at];
      if (character === undefined || (character === "\n" && quote.length === 1)) this.#fail("a text without an end");
      const isEnd = this.#source.startsWith(quote, this.#at);
      if (!isEnd && (character !== "\\" || isRaw)) {
        this.#at += character === "\\" ? 2 : 1;
        continue;
      }
      parts.push(this.#source.slice(from, this.#at));
      if (isEnd) break;
      parts.push(this.#escape());
      from = this.#at;
    }
    this.#at += quote.length;
    return parts.join("");
  }

  #escape(): string {
    const letter = this.#source[this.#at + 1] ?? "";
    const plain = PLAIN_ESCAPES[letter];
    this.#at += 2;
    if (plain !== undefined) return plain;
    const octal = /^[0-7]{1,3}/.exec(this.#source.slice(this.#at - 1, this.#at + 2))?.[0];
    if (octal !== undefined) {
      this.#at += octal.length - 1;
      return String.fromCodePoint(Number.parseInt(octal, 8));
    }
    const length = CODE_LENGTHS[letter];
    // Python keeps the backslash of an escape it does not know.
    if (length === undefined) return letter === "N" ? this.#fail("a character by its name") : `\\${letter}`;
    const code = this.#source.slice(this.#at, this.#at + length);
    if (!/^[0-9a-fA-F]+$/.test(code) || code.length < length) this.#fail(`\\${letter} without ${length} digits`);
    this.#at += length;
    const point = Number.parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : this.#fail("no character");
  }
}
