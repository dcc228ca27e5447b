/** The state of the REPL's dialogue: the conversation, its settings and figures. Does not know the terminal or commands. */
import type { ChatChoice, Completion, Conversation, Llama, Turn, TurnStats } from "../../../index.js";
import { samplingSettings } from "../../options/option-groups.js";
import type { Settings } from "./settings.js";

export type Answer = Completion & TurnStats & { firstTokenMs: number };

/** Sums over all answers. */
export interface Totals {
  answers: number;
  newTokens: number;
  reusedTokens: number;
  generatedTokens: number;
  droppedTurns: number;
}

export class Dialogue {
  readonly llama: Llama;
  conversation: Conversation;
  settings: Settings;
  readonly totals: Totals = { answers: 0, newTokens: 0, reusedTokens: 0, generatedTokens: 0, droppedTurns: 0 };
  last: Answer | null = null;
  /** Whether figures follow each answer on a terminal. */
  stats = false;
  /** Names of special tokens by id: they are not shown. */
  readonly #special: ReadonlyMap<number, string>;

  /** The chat format that was asked for. */
  readonly chat: ChatChoice;

  constructor(llama: Llama, conversation: Conversation, settings: Settings, chat: ChatChoice = "auto") {
    this.chat = chat;
    this.llama = llama;
    this.conversation = conversation;
    this.settings = settings;
    this.#special = new Map([...llama.tokenizer.specialTokens].map(([name, id]) => [id, name]));
  }

  get turns(): readonly Turn[] {
    return this.conversation.turns;
  }

  /** Closes the conversation and continues with another one. */
  replace(conversation: Conversation): void {
    this.conversation.close();
    this.conversation = conversation;
  }

  /** Streams an answer to `write` and records its figures. */
  async send(
    text: string,
    write: (text: string) => Promise<void>,
    onPrompt: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<Answer> {
    this.conversation.system = this.settings.system;
    const start = performance.now();
    let firstTokenMs = 0;
    const { form } = this.settings;
    const options = { ...samplingSettings(this.settings), ...(form && { form }), onPrompt, signal };
    for await (const event of this.conversation.send(text, options)) {
      if (firstTokenMs === 0) firstTokenMs = performance.now() - start;
      await write(this.#shown(event.text, event.id));
      if (event.done) this.#record({ ...event.done, firstTokenMs });
    }
    return this.last!;
  }

  /** The text of a token without the name of a special one, which is decoded whole. */
  #shown(text: string, id: number | null): string {
    const name = id === null ? undefined : this.#special.get(id);
    return name !== undefined && text.endsWith(name) ? text.slice(0, -name.length) : text;
  }

  #record(answer: Answer): void {
    this.last = answer;
    this.totals.answers++;
    this.totals.newTokens += answer.promptIds.length - answer.reusedTokens;
    this.totals.reusedTokens += answer.reusedTokens;
    this.totals.generatedTokens += answer.ids.length;
    this.totals.droppedTurns += answer.droppedTurns;
  }
}
