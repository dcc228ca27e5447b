/** One dialog in a chat template: its text, where its answers are in it, and the ids of both. Does not know conversations. */
import { LlamaError } from "../../error.js";
import { strip, stripEnd } from "../../tokenizer/encoding/python-whitespace.js";
import type { ChatTemplate } from "../template/chat-template.js";
import { markDeep, templateParts } from "../tools/call-message.js";
import type { Tool } from "../tools/tool.js";
import type { Dialog } from "./dialog.js";
import type { DialogEnding } from "./dialog-ending.js";
import { freeMarks, type Marks, type ShieldedText } from "./shielded-text.js";

/** Where an answer to continue ends, as in apply_chat_template() of transformers: with a space, so that stripping shows. */
const CONTINUES = "CONTINUE_FINAL_MESSAGE_TAG ";

/** An answer in the rendered text, its marks included. */
interface Place {
  message: number;
  start: number;
  end: number;
}

export class TemplateDialog {
  readonly #template: ChatTemplate;
  readonly #shield: ShieldedText;
  readonly #dialog: Dialog;
  readonly #ending: DialogEnding;
  readonly #tools: readonly Tool[] | null;
  /** Around names of special tokens in messages, and around answers with ids. */
  readonly #names: Marks;
  readonly #answers: Marks;

  constructor(
    template: ChatTemplate,
    shield: ShieldedText,
    dialog: Dialog,
    ending: DialogEnding,
    tools: readonly Tool[] | null = null,
  ) {
    this.#template = template;
    this.#shield = shield;
    this.#dialog = dialog;
    this.#ending = ending;
    this.#tools = tools;
    const calls = dialog.flatMap(({ tool_calls: made = [] }) => made);
    const texts = [...dialog.map(({ content }) => content), ...(calls.length > 0 ? [JSON.stringify(calls)] : [])];
    [this.#names, this.#answers] = freeMarks([template.source, ...texts, ...(tools ? [JSON.stringify(tools)] : [])]);
  }

  /** Answers keep their ids where the template writes their text as it is; others are encoded with the text around them. */
  encode(): number[] {
    let withIds = this.#dialog.flatMap(({ token_ids: ids }, i) => (ids ? [i] : []));
    for (;;) {
      const text = this.#render(this.#dialog, withIds);
      const places = this.#find(text, withIds);
      if (places.length === withIds.length) return this.#join(this.#cut(text, places), places);
      withIds = places.map(({ message }) => message);
    }
  }

  #render(messages: Dialog, withIds: readonly number[], ending = this.#ending): string {
    const [open, close] = this.#answers;
    const marked = messages.map((message, i) => {
      const { role, content } = message;
      const text = this.#shield.mark(content, this.#names, role === "assistant");
      if (withIds.includes(i)) return { role, content: `${open}${i}${open}${text}${close}` };
      const isContinued = ending === "continue" && i === messages.length - 1;
      const parts = templateParts(message, messages.slice(0, i), (own) => this.#shield.mark(own, this.#names, false));
      return { role, content: isContinued ? text + CONTINUES : text, ...parts };
    });
    const tools = this.#tools && (markDeep(this.#tools, (own) => this.#shield.mark(own, this.#names, false)) as Tool[]);
    return this.#template.render(marked, ending === "answer", undefined, tools);
  }

  /** The answers that stand whole in a text. */
  #find(text: string, withIds: readonly number[]): Place[] {
    if (withIds.length === 0) return [];
    const [open, close] = this.#answers;
    const pattern = new RegExp(`${open}(\\d+)${open}([^${open}${close}]*)${close}`, "gu");
    const places: Place[] = [];
    for (const { 0: whole, 1: number, 2: found, index: start } of text.matchAll(pattern)) {
      const message = Number(number);
      // A text that has all private-use characters may look like marks.
      if (!withIds.includes(message)) continue;
      const { content } = this.#dialog[message]!;
      const isWhole = found === this.#shield.mark(content, this.#names, true);
      const isNext = message > (places.at(-1)?.message ?? -1);
      if (isWhole && isNext) places.push({ message, start, end: start + whole.length });
    }
    return places;
  }

  /** The text up to where the last answer is continued. Throws LlamaError (usage) if the template does not write that answer. */
  #cut(text: string, places: readonly Place[]): string {
    if (this.#ending !== "continue") return text;
    const last = this.#dialog.length - 1;
    const place = places.at(-1);
    if (place?.message === last) return text.slice(0, place.end);
    const answer = strip(this.#shield.mark(this.#dialog[last]!.content, this.#names, true));
    const end = text.lastIndexOf(CONTINUES.trimEnd());
    if (end < 0 || !text.includes(answer)) {
      const where = `messages[${last}].content`;
      throw new LlamaError(
        "usage",
        "the chat template does not write this answer as it is, so it cannot be continued",
        {
          where,
        },
      );
    }
    const before = text.slice(0, end);
    return text.startsWith(CONTINUES, end) ? before : stripEnd(before);
  }

  #join(text: string, places: readonly Place[]): number[] {
    const parts: (readonly number[])[] = [];
    const gap = places.length > 0 ? this.#gap(text, places[0]!) : "";
    let at = 0;
    const add = (part: string) => {
      if (part !== "") parts.push(this.#shield.encode(part, this.#names, at > 0));
    };
    for (const { message, start, end } of places) {
      const before = text.slice(at, start);
      add(gap !== "" && before.endsWith(gap) ? before.slice(0, -gap.length) : before);
      parts.push(this.#dialog[message]!.token_ids!);
      at = end;
    }
    add(text.slice(at));
    return parts.flat();
  }

  /** Space that the template puts before answers but not at the end of a prompt: the ids of an answer have it. */
  #gap(text: string, { message, start }: Place): string {
    try {
      const prompt = this.#render(this.#dialog.slice(0, message), [], "answer");
      const before = text.slice(0, start);
      const rest = before.slice(prompt.length);
      return before.startsWith(prompt) && strip(rest) === "" ? rest : "";
    } catch (error) {
      if (error instanceof LlamaError) return "";
      throw error;
    }
  }
}
