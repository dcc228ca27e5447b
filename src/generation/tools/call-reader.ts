/**
 * Reads calls out of an answer while it is written: text of its own, and the arguments of each call piece by piece. Does not know
 * what has bound the answer, nor how events are sent.
 */

import type { CallForm } from "./call-form.js";
import { BARE_BEGINS } from "./call-grammar.js";
import type { ToolCall } from "./tool.js";

/** What a piece of an answer holds. `call`: its place in the answer. */
export type AnswerPart =
  | { kind: "text"; text: string }
  | { kind: "call"; call: number; id: string; name: string }
  | { kind: "arguments"; call: number; text: string };

/** The beginning of a call up to its arguments. */
const HEAD =
  /^\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"([^"\\]*)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)/;

export class CallReader {
  readonly #open: string;
  readonly #close: string;
  readonly #newId: () => string;
  readonly #calls: { call: ToolCall; isWhole: boolean }[] = [];
  /** Text between calls: a call may begin at its start, anywhere, or nowhere any more. */
  #state: "start" | "text" | "head" | "arguments" | "end" | "rest";
  /** What has come and is not decided. */
  #held = "";
  /** White space before a tag. */
  #gap = "";
  #content = "";
  /** Of the arguments that are being read. */
  #depth = 0;
  #isText = false;
  #isEscaped = false;

  /** `newId`: makes the id of a call. */
  constructor({ open, close }: CallForm, newId: () => string) {
    this.#open = open.trim();
    this.#close = `}${close.trim()}`;
    this.#newId = newId;
    this.#state = this.#open === "" ? "start" : "text";
  }

  /** The calls so far. The last one may be incomplete. */
  get calls(): readonly ToolCall[] {
    return this.#calls.map(({ call }) => call);
  }

  /** Those whose arguments are complete. */
  get wholeCalls(): readonly ToolCall[] {
    return this.#calls.filter(({ isWhole }) => isWhole).map(({ call }) => call);
  }

  /** The text beside the calls. */
  get content(): string {
    return this.#content;
  }

  /** Whether there are calls and all are whole. */
  get isWhole(): boolean {
    return this.#calls.length > 0 && this.#calls.every(({ isWhole }) => isWhole);
  }

  /** Adds text of the answer; returns what is decided with it. */
  push(text: string): AnswerPart[] {
    this.#held += text;
    const parts: AnswerPart[] = [];
    while (this.#step(parts)) {
      // Each step decides something.
    }
    return parts;
  }

  /** Ends the answer; returns what was held back. A call that has no arguments yet is text. */
  end(): AnswerPart[] {
    const isText = ["start", "text", "head", "rest"].includes(this.#state);
    const text = (this.#state === "head" ? this.#gap + this.#open : "") + this.#held;
    this.#held = "";
    return isText ? this.#text(text) : [];
  }

  #step(parts: AnswerPart[]): boolean {
    switch (this.#state) {
      case "start":
        return this.#readStart();
      case "text":
        return this.#readText(parts);
      case "head":
        return this.#readHead(parts);
      case "arguments":
        return this.#readArguments(parts);
      case "end":
        return this.#readEnd();
      case "rest":
        parts.push(...this.#text(this.#held));
        this.#held = "";
        return false;
    }
  }

  /** Without tags a call can only be at the start of an answer. */
  #readStart(): boolean {
    const text = this.#held.trimStart();
    if (BARE_BEGINS.some((begin) => text.startsWith(begin))) this.#state = "head";
    else if (!BARE_BEGINS.some((begin) => begin.startsWith(text))) this.#state = "rest";
    return this.#state !== "start";
  }

  #readText(parts: AnswerPart[]): boolean {
    const at = this.#held.indexOf(this.#open);
    if (at < 0) {
      // White space before a call belongs to it.
      const kept = /\s*$/.exec(this.#held.slice(0, this.#held.length - this.#begun()))!.index;
      parts.push(...this.#text(this.#held.slice(0, kept)));
      this.#held = this.#held.slice(kept);
      return false;
    }
    const before = this.#held.slice(0, at);
    const text = before.trimEnd();
    this.#gap = before.slice(text.length);
    parts.push(...this.#text(text));
    this.#held = this.#held.slice(at + this.#open.length);
    this.#state = "head";
    return true;
  }

  /** Characters at the end of the held text that may be the beginning of a tag. */
  #begun(): number {
    for (let count = Math.min(this.#open.length - 1, this.#held.length); count > 0; count--) {
      if (this.#held.endsWith(this.#open.slice(0, count))) return count;
    }
    return 0;
  }

  #readHead(parts: AnswerPart[]): boolean {
    const found = HEAD.exec(this.#held);
    if (found === null) return false;
    const [head, name = ""] = found;
    const id = this.#newId();
    parts.push({ kind: "call", call: this.#calls.length, id, name });
    this.#calls.push({ call: { id, type: "function", function: { name, arguments: "" } }, isWhole: false });
    this.#held = this.#held.slice(head.length);
    this.#state = "arguments";
    return true;
  }

  #readArguments(parts: AnswerPart[]): boolean {
    const last = this.#calls.at(-1)!;
    let at = 0;
    while (at < this.#held.length && !last.isWhole) {
      this.#scan(this.#held[at++]!);
      if (this.#depth === 0) last.isWhole = true;
    }
    const text = this.#held.slice(0, at);
    this.#held = this.#held.slice(at);
    if (text !== "") {
      last.call.function.arguments += text;
      parts.push({ kind: "arguments", call: this.#calls.length - 1, text });
    }
    if (!last.isWhole) return false;
    this.#state = "end";
    return true;
  }

  #scan(character: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isText) {
      if (character === "\\") this.#isEscaped = true;
      if (character === '"') this.#isText = false;
    } else if (character === '"') this.#isText = true;
    else if (character === "{" || character === "[") this.#depth++;
    else if (character === "}" || character === "]") this.#depth--;
  }

  /** After the arguments: the brace and the tag that end a call. */
  #readEnd(): boolean {
    const text = this.#held.replace(/\s/g, "");
    if (!text.startsWith(this.#close)) return false;
    let left = this.#close.length;
    let at = 0;
    while (left > 0) if (!/\s/.test(this.#held[at++]!)) left--;
    this.#held = this.#held.slice(at);
    this.#state = this.#open === "" ? "rest" : "text";
    return this.#held !== "";
  }

  #text(text: string): AnswerPart[] {
    if (text === "") return [];
    this.#content += text;
    return [{ kind: "text", text }];
  }
}
