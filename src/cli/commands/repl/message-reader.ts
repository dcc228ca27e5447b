/** Joins lines into messages: """ blocks, a trailing backslash, or lines up to an empty one. Does not know commands. */
import type { Lines } from "./lines.js";

const PROMPT = ">>> ";
const MORE = "... ";
const FENCE = '"""';

/** A message (`isPlain`: it may be a command); or Ctrl-C at an empty prompt; or the end of the input. */
export type Message = { kind: "message"; text: string; isPlain: boolean } | { kind: "interrupt" } | { kind: "end" };

export class MessageReader {
  readonly lines: Lines;
  /** If true, Enter adds a line and an empty line sends. */
  isMultiline = false;

  constructor(lines: Lines) {
    this.lines = lines;
  }

  async next(): Promise<Message> {
    for (;;) {
      const message = await this.#read();
      if (message?.kind === "message") this.lines.remember(entryOf(message));
      if (message) return message;
    }
  }

  /** null if Ctrl-C discarded typed text. */
  async #read(): Promise<Message | null> {
    const first = await this.lines.read(PROMPT);
    if (first.kind === "end") return first;
    if (first.kind === "interrupt") return first.hadText ? null : first;
    const { text } = first;
    if (text.trimStart().startsWith(FENCE)) return this.#fenced(text.trimStart().slice(FENCE.length));
    if (!text.includes("\n") && text.endsWith("\\")) return this.#continued(text);
    if (this.isMultiline && text !== "" && !text.startsWith("/")) return this.#lines(text);
    return { kind: "message", text, isPlain: !text.includes("\n") };
  }

  /** Reads up to the closing fence or the end of the input. */
  async #fenced(text: string): Promise<Message | null> {
    let all = text;
    for (let end = all.indexOf(FENCE); ; end = all.indexOf(FENCE)) {
      if (end >= 0) return { kind: "message", text: all.slice(0, end).replace(/^\n/, ""), isPlain: false };
      const line = await this.lines.read(MORE);
      if (line.kind === "interrupt") return null;
      if (line.kind === "end") return { kind: "message", text: all.replace(/^\n/, ""), isPlain: false };
      all += `\n${line.text}`;
    }
  }

  async #continued(text: string): Promise<Message | null> {
    let all = text;
    while (all.endsWith("\\")) {
      const line = await this.lines.read(MORE);
      if (line.kind === "interrupt") return null;
      if (line.kind === "end") break;
      all = `${all.slice(0, -1)}\n${line.text}`;
    }
    return { kind: "message", text: all, isPlain: false };
  }

  async #lines(text: string): Promise<Message | null> {
    let all = text;
    for (;;) {
      const line = await this.lines.read(MORE);
      if (line.kind === "interrupt") return null;
      if (line.kind === "end" || line.text === "") return { kind: "message", text: all, isPlain: false };
      all += `\n${line.text}`;
    }
  }
}

/** The message as it can be typed again: one line that is not a command keeps its fence. */
function entryOf({ text, isPlain }: { text: string; isPlain: boolean }): string {
  return isPlain || text.includes("\n") || text === "" ? text : `${FENCE}${text}${FENCE}`;
}
