/**
 * A grammar as a machine over bytes: nodes with edges for bytes, calls of rules, and counted repetitions that take no memory for
 * their count. Does not know tokens or texts.
 */
import { LlamaError } from "../../error.js";
import { type ByteRanges, utf8Ranges } from "./grammar/code-points.js";
import type { Expression, Grammar } from "./grammar/grammar.js";
import { checkGrammar, nullableRules } from "./grammar/grammar-check.js";

/** Real nodes at most: a form of this size has some MB. */
const MAX_NODES = 400_000;
/** A set with more byte sequences becomes a rule that all its uses share. */
const INLINE_SEQUENCES = 8;
/** Ids of nodes of a counted repetition: (number + 1) * CHAIN + count. */
const CHAIN = 2 ** 32;
const MAX_COUNT = 2 ** 31;

export interface Edges {
  /** least, most, target */
  readonly bytes: number[];
  readonly empty: number[];
  /** start of the rule, node after it */
  readonly calls: number[];
  /** The end of its rule. */
  isEnd: boolean;
}

interface Chain {
  readonly start: number;
  readonly least: number;
  readonly most: number;
  readonly exit: number;
}

export class Machine {
  readonly start: number;
  /** Bytes that no edge tells apart have one class. */
  readonly classes = new Uint8Array(256);
  /** A byte of each class. */
  readonly bytes: number[] = [];
  readonly #nodes: Edges[] = [];
  readonly #chains: Chain[] = [];
  readonly #rules = new Map<string, number>();
  readonly #sets = new Map<string, number>();
  readonly #keys = new WeakMap<object, string>();
  readonly #nullable: (expression: Expression) => boolean;

  /** Throws LlamaError (usage) for a grammar that is too large, or that begins a rule with itself. */
  constructor(grammar: Grammar) {
    checkGrammar(grammar);
    this.#nullable = nullableRules(grammar);
    for (const name of grammar.rules.keys()) this.#rules.set(name, this.#node());
    for (const [name, expression] of grammar.rules) this.#lower(expression, this.#rules.get(name)!, this.#end());
    this.start = this.#rules.get(grammar.root)!;
    this.#classify();
  }

  /** The edges of a node. */
  edges(node: number): Edges {
    if (node < CHAIN) return this.#nodes[node]!;
    const index = Math.floor(node / CHAIN) - 1;
    const count = node - (index + 1) * CHAIN;
    const { start, least, most, exit } = this.#chains[index]!;
    return {
      bytes: [],
      empty: count >= least ? [exit] : [],
      calls: count < most ? [start, node + 1] : [],
      isEnd: false,
    };
  }

  /** Whether a node is the end of its rule and nothing else. */
  isOnlyEnd(node: number): boolean {
    if (node >= CHAIN) return false;
    const { bytes, empty, calls, isEnd } = this.#nodes[node]!;
    return isEnd && bytes.length + empty.length + calls.length === 0;
  }

  #node(isEnd = false): number {
    if (this.#nodes.length >= MAX_NODES) {
      throw new LlamaError("usage", "is too large", { where: "form", expected: `at most ${MAX_NODES} states` });
    }
    return this.#nodes.push({ bytes: [], empty: [], calls: [], isEnd }) - 1;
  }

  #end(): number {
    return this.#node(true);
  }

  /** Adds what leads from one node to another by an expression. */
  #lower(expression: Expression, from: number, to: number): void {
    switch (expression.kind) {
      case "text":
        this.#sequence(
          [...Buffer.from(expression.text)].map((byte) => [byte, byte] as const),
          from,
          to,
        );
        return;
      case "set":
        this.#set(expression.set, from, to);
        return;
      case "sequence": {
        let at = from;
        for (const [i, part] of expression.parts.entries()) {
          const next = i === expression.parts.length - 1 ? to : this.#node();
          this.#lower(part, at, next);
          at = next;
        }
        return;
      }
      case "choice":
        for (const option of expression.options) this.#lower(option, from, to);
        return;
      case "rule":
        this.#nodes[from]!.calls.push(this.#rules.get(expression.name)!, to);
        return;
      case "repeat":
        this.#repeat(expression, from, to);
    }
  }

  #sequence(ranges: ByteRanges, from: number, to: number): void {
    if (ranges.length === 0) this.#nodes[from]!.empty.push(to);
    let at = from;
    for (const [i, [least, most]] of ranges.entries()) {
      const next = i === ranges.length - 1 ? to : this.#node();
      this.#nodes[at]!.bytes.push(least, most, next);
      at = next;
    }
  }

  #set(points: (Expression & { kind: "set" })["set"], from: number, to: number): void {
    const isLarge = points.length > INLINE_SEQUENCES / 2;
    const key = isLarge ? (this.#keys.get(points) ?? points.join()) : "";
    if (isLarge) this.#keys.set(points, key);
    const known = this.#sets.get(key);
    if (known !== undefined) {
      this.#nodes[from]!.calls.push(known, to);
      return;
    }
    const sequences = utf8Ranges(points);
    if (key === "" || sequences.length <= INLINE_SEQUENCES) {
      for (const ranges of sequences) this.#sequence(ranges, from, to);
      return;
    }
    const start = this.#node();
    const end = this.#end();
    for (const ranges of sequences) this.#sequence(ranges, start, end);
    this.#sets.set(key, start);
    this.#nodes[from]!.calls.push(start, to);
  }

  #repeat({ of, least, most }: Expression & { kind: "repeat" }, from: number, to: number): void {
    // Repetitions of what may be empty may stop at any count.
    const least0 = this.#nullable(of) ? 0 : least;
    if (least0 === 0 && most === 1) {
      this.#nodes[from]!.empty.push(to);
      this.#lower(of, from, to);
      return;
    }
    let exit = to;
    if (most === Number.POSITIVE_INFINITY) {
      const loop = this.#node();
      this.#lower(of, loop, loop);
      this.#nodes[loop]!.empty.push(to);
      if (least0 <= 1) {
        if (least0 === 0) this.#nodes[from]!.empty.push(loop);
        else this.#lower(of, from, loop);
        return;
      }
      exit = loop;
    }
    const count = most === Number.POSITIVE_INFINITY ? least0 : most;
    if (count <= 0) {
      this.#nodes[from]!.empty.push(exit);
      return;
    }
    const start = of.kind === "rule" ? this.#rules.get(of.name)! : this.#node();
    if (of.kind !== "rule") this.#lower(of, start, this.#end());
    this.#chains.push({ start, least: Math.min(least0, MAX_COUNT), most: Math.min(count, MAX_COUNT), exit });
    this.#nodes[from]!.empty.push(this.#chains.length * CHAIN);
  }

  #classify(): void {
    const begins = new Set([0]);
    for (const { bytes } of this.#nodes) {
      for (let i = 0; i < bytes.length; i += 3) begins.add(bytes[i]!).add(bytes[i + 1]! + 1);
    }
    for (let byte = 0; byte < 256; byte++) {
      if (begins.has(byte)) this.bytes.push(byte);
      this.classes[byte] = this.bytes.length - 1;
    }
  }

  /** The only byte of a class; null if it has several. */
  onlyByte(group: number): number | null {
    const byte = this.bytes[group]!;
    return (this.bytes[group + 1] ?? 256) === byte + 1 ? byte : null;
  }
}
