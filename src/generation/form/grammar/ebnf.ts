/** Reads grammars in EBNF as GBNF files (llama.cpp) and XGrammar write it. Does not know what a grammar is for. */
import { LlamaError } from "../../../error.js";
import { quoted } from "../../../formats/files/quoted.js";
import { type CodePoints, complement, LAST, union } from "./code-points.js";
import { choice, EMPTY, type Expression, type Grammar, repeat, rule, sequence, set, text } from "./grammar.js";

/** Characters of a grammar, and parentheses within each other, at most. */
const MAX_LENGTH = 256 * 1024;
const MAX_DEPTH = 200;
const NAME = /[A-Za-z0-9_][A-Za-z0-9_.-]*/y;
const SPACE = /(?:\s|#[^\n]*)*/y;
const COUNT = /\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?\}/y;
const ESCAPE = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([nrt0bfv"'\\[\]^/-]))/y;
const ESCAPED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", 0: "\0", b: "\b", f: "\f", v: "\v" };

/** Throws LlamaError (usage) that names the line. */
export function readGrammar(source: string): Grammar {
  return new Reader(source).grammar();
}

class Reader {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    if (source.length <= MAX_LENGTH) return;
    const [expected, found] = [`at most ${MAX_LENGTH} characters`, String(source.length)];
    throw new LlamaError("usage", "is too long", { where: "grammar", expected, found });
  }

  grammar(): Grammar {
    const rules = new Map<string, Expression>();
    this.#space();
    while (this.#at < this.#source.length) {
      const name = this.#match(NAME)?.[0];
      this.#space();
      if (name === undefined || !this.#take("::=")) throw this.#error("a rule: NAME ::= ...");
      if (rules.has(name)) throw this.#error(`one definition of ${quoted(name)}`);
      rules.set(name, this.#choice());
    }
    if (!rules.has("root")) throw new LlamaError("usage", "has no rule root", { where: "grammar" });
    return { rules, root: "root" };
  }

  #choice(): Expression {
    if (++this.#depth > MAX_DEPTH) throw this.#error(`at most ${MAX_DEPTH} parentheses within each other`);
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    this.#depth--;
    return choice(...options);
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    for (;;) {
      this.#space();
      const item = this.#item();
      if (item === null) return parts.length === 0 ? EMPTY : sequence(...parts);
      parts.push(this.#repeated(item));
    }
  }

  /** null at the end of a sequence. */
  #item(): Expression | null {
    const next = this.#source[this.#at];
    if (next === undefined || next === "|" || next === ")") return null;
    if (next === '"') return this.#literal();
    if (next === "[") return this.#class();
    if (next === ".") {
      this.#at++;
      return set(union([[0, LAST]]));
    }
    if (next === "(") {
      this.#at++;
      if (this.#source[this.#at] === "=") throw this.#error("no lookahead, which is not supported");
      const inner = this.#choice();
      if (!this.#take(")")) throw this.#error(")");
      return inner;
    }
    const start = this.#at;
    const name = this.#match(NAME)?.[0];
    if (name === undefined) throw this.#error('a text in ", a class in [], a rule or a group');
    // XGrammar's macros; with a space before it, a group follows the rule.
    if (this.#source[this.#at] === "(") throw this.#error(`no ${name}(), which is not supported`);
    this.#space();
    const isNext = this.#source.startsWith("::=", this.#at);
    if (isNext) {
      this.#at = start;
      return null;
    }
    return rule(name);
  }

  #repeated(item: Expression): Expression {
    let result = item;
    for (;;) {
      this.#space();
      if (this.#take("*")) result = repeat(result, 0);
      else if (this.#take("+")) result = repeat(result, 1);
      else if (this.#take("?")) result = repeat(result, 0, 1);
      else if (this.#source[this.#at] === "{") {
        const found = this.#match(COUNT);
        if (!found) throw this.#error("{m}, {m,} or {m,n}");
        const least = Number(found[1]);
        const most = found[2] === undefined ? least : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
        if (most < least || least > 2 ** 31) throw this.#error("counts in order, at most 2^31");
        result = repeat(result, least, most);
      } else return result;
    }
  }

  #literal(): Expression {
    this.#at++;
    let value = "";
    while (!this.#take('"')) value += String.fromCodePoint(this.#character('"'));
    return text(value);
  }

  #class(): Expression {
    this.#at++;
    const isNegative = this.#take("^");
    const ranges: [number, number][] = [];
    while (!this.#take("]")) {
      const least = this.#character("]");
      let most = least;
      if (this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]") {
        this.#at++;
        most = this.#character("]");
      }
      if (most < least) throw this.#error("a range in order");
      ranges.push([least, most]);
    }
    const points: CodePoints = union(ranges);
    return set(isNegative ? complement(points) : points);
  }

  /** A character of a text or a class, as a code point. */
  #character(end: string): number {
    const found = this.#match(ESCAPE);
    if (found) {
      const [, byte, short, long, letter] = found;
      if (letter !== undefined) return (ESCAPED[letter] ?? letter).codePointAt(0)!;
      const point = Number.parseInt((byte ?? short ?? long)!, 16);
      if (point > LAST || (point >= 0xd800 && point <= 0xdfff)) throw this.#error("the number of a character");
      return point;
    }
    const point = this.#source.codePointAt(this.#at);
    if (point === undefined || point === 0x0a) throw this.#error(end);
    if (point === 0x5c) throw this.#error('an escape: \\n, \\", \\x41, \\u0041');
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #take(mark: string): boolean {
    if (mark === "|" || mark === ")" || mark === "::=") this.#space();
    if (!this.#source.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }

  #error(expected: string): LlamaError {
    const line = this.#source.slice(0, this.#at).split("\n").length;
    const rest = this.#source.slice(this.#at).split("\n", 1)[0]!.slice(0, 20);
    return new LlamaError("usage", "is not a grammar in EBNF", {
      where: `grammar, line ${line}`,
      expected,
      found: rest === "" ? "the end of the line" : quoted(rest),
    });
  }
}
