/** Writes a completion while it is generated: as text, as one JSON object, or as one JSON event per line. */
import type { Completion, Llama, StreamEvent } from "../../../index.js";
import type { GenerateFlags } from "../../options/flags.js";
import { jsonResult } from "../../terminal/summary.js";

interface Form extends Pick<GenerateFlags, "json" | "stream_json" | "echo"> {
  /** True for the answer of a chat model, which may begin with a space that is not shown. */
  isAnswer: boolean;
}

export class CompletionWriter {
  readonly #write: (text: string) => Promise<void>;
  readonly #llama: Llama;
  readonly #form: Form;
  readonly #prompt: string;
  /** True after the first piece. Nothing is written before it, so that a refused prompt leaves stdout empty. */
  #isOpen = false;

  constructor(write: (text: string) => Promise<void>, llama: Llama, form: Form, prompt: string) {
    this.#write = write;
    this.#llama = llama;
    this.#form = form;
    this.#prompt = prompt;
  }

  async add(event: StreamEvent): Promise<void> {
    const { json, stream_json, echo, isAnswer } = this.#form;
    if (json) return;
    if (!stream_json) {
      const text = isAnswer && !this.#isOpen ? event.text.trimStart() : event.text;
      if (isAnswer && text === "") return;
      const before = isAnswer ? `${this.#prompt}\n` : this.#prompt;
      await this.#write((this.#isOpen || !echo ? "" : before) + text);
    } else if (event.id !== null) {
      const { id, text, logprob } = event;
      await this.#line({ event: "token", id, text, ...(logprob && { logprob: logprob.logprob, top: logprob.top }) });
    } else if (event.text !== "") await this.#line({ event: "token", id: null, text: event.text });
    this.#isOpen = true;
  }

  /** Finishes the output. `completion` is null if generation has failed. */
  async end(completion: Completion | null): Promise<void> {
    const { json, stream_json, echo } = this.#form;
    if (!json && !stream_json) {
      if (this.#isOpen) await this.#write("\n");
      return;
    }
    if (!completion) return;
    const result = jsonResult(this.#llama, completion, echo ? this.#prompt : "");
    // The events have already reported the log-probabilities.
    const { logprobs: _reported, ...summary } = result;
    await this.#line(stream_json ? { event: "summary", ...summary } : result);
  }

  #line(value: object): Promise<void> {
    return this.#write(`${JSON.stringify(value)}\n`);
  }
}
