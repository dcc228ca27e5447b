/**
 * One completion that a worker runs: its events in order, whatever run they come from. A second run is passed over as far as
 * the first has been passed on, if it says the same. Does not know connections.
 */
import { LlamaError } from "../../error.js";
import type { Completion, CompletionEvent, TokenLogprob } from "../../index.js";
import { ApiError } from "../http/api-error.js";
import type { SentCompletion, ServiceMessage, ServiceReply } from "./service-message.js";

type RunningEvent = Exclude<CompletionEvent, { kind: "end" }>;

export class RemoteCompletion {
  readonly promptIds: number[];
  readonly #events: CompletionEvent[] = [];
  #end: { error: unknown } | "done" | null = null;
  #wake: (() => void) | null = null;
  /** The run whose events are passed on, and how many tokens of it have come; null: some are missing. */
  #attempt = 0;
  #position: number | null = 0;
  /** What has been passed on. */
  readonly #ids: number[] = [];
  #text = "";
  readonly #logprobs: TokenLogprob[] = [];
  #promptLogprobs: TokenLogprob[] | null = null;
  #hasPrompt = false;
  #hasBegun = false;
  #isAnswered = false;
  readonly #onEnd: (isAnswered: boolean) => void;

  /** `onEnd` is called once, when nothing more is wanted: after the worker's answer or error, or without one. */
  constructor(promptIds: number[], onEnd: (isAnswered: boolean) => void) {
    this.promptIds = promptIds;
    this.#onEnd = onEnd;
  }

  get isEnded(): boolean {
    return this.#end !== null;
  }

  /** Whether a worker has it, or has had it. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Tells how many wait before it. */
  queued(position: number): void {
    if (!this.#hasBegun && this.#end === null) this.#push({ kind: "queued", position });
  }

  /** Takes a worker's message; returns whether the run is of any use. */
  take(message: ServiceMessage): ServiceReply {
    if (this.#end !== null) return "gone";
    this.#hasBegun = true;
    // The first whole answer counts, of any run.
    if (message.kind === "end") return this.#finish(message);
    if (message.attempt < this.#attempt) return "gone";
    if (message.attempt > this.#attempt) {
      this.#attempt = message.attempt;
      this.#position = 0;
    }
    if (message.kind === "error") {
      const { kind, message: text } = message.error;
      this.#isAnswered = true;
      this.fail(kind === "usage" || kind === "model" ? new LlamaError(kind, text) : failed("worker_failed", text));
      return "wanted";
    }
    // Something was lost on the way: the rest comes with the whole answer.
    if (message.n !== this.#position) this.#position = null;
    for (const event of message.events) if (this.#position !== null && this.#end === null) this.#add(event);
    return this.#end === null ? "wanted" : "gone";
  }

  fail(error: unknown): void {
    this.#close({ error });
  }

  /** For one consumer. Leaving them ends the request. */
  async *events(): AsyncGenerator<CompletionEvent, void, void> {
    try {
      for (;;) {
        while (this.#events.length === 0 && this.#end === null) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        const event = this.#events.shift();
        if (event !== undefined) yield event;
        else if (this.#end === "done") return;
        else throw (this.#end as { error: unknown }).error;
      }
    } finally {
      this.#close("done");
    }
  }

  #add(event: RunningEvent): void {
    if (event.kind === "prefill") {
      if (this.#hasPrompt) return;
      this.#hasPrompt = event.done === event.total;
      this.#promptLogprobs = event.promptLogprobs ?? null;
    } else if (event.kind === "token") {
      const known = this.#ids[this.#position!++];
      if (known !== undefined) {
        if (known !== event.id) this.fail(changed());
        return;
      }
      this.#ids.push(event.id);
      this.#text += event.text;
      if (event.logprob) this.#logprobs.push(event.logprob);
    } else if (this.#hasPrompt || this.#ids.length > 0) return;
    this.#push(event);
  }

  #finish({ n, attempt, text, completion: sent }: ServiceMessage & { kind: "end" }): ServiceReply {
    this.#isAnswered = true;
    const completion: Completion = { ...(sent as SentCompletion), promptIds: this.promptIds };
    const { ids } = completion;
    // Where they would have made the message too long, they have come with the tokens.
    if (this.#logprobs.length >= ids.length && ids.length > 0)
      completion.logprobs ??= this.#logprobs.slice(0, ids.length);
    completion.promptLogprobs ??= this.#promptLogprobs;
    // Tokens of a stop string have come, and are not in the answer.
    const isSame =
      this.#ids.every((id, i) => i >= ids.length || ids[i] === id) && completion.text.startsWith(this.#text);
    if (!isSame) {
      this.fail(changed());
      return "gone";
    }
    if (!this.#hasPrompt) {
      const { length: total } = this.promptIds;
      const prefill = { done: total, total, reused: Math.min(completion.reusedTokens, total), stepMs: 0 };
      this.#push({ kind: "prefill", ...prefill, promptLogprobs: completion.promptLogprobs });
    }
    const isWhole = attempt === this.#attempt && this.#position === n && this.#ids.length === n;
    for (let i = this.#ids.length; !isWhole && i < ids.length; i++) {
      this.#push({ kind: "token", id: ids[i]!, text: "", logprob: completion.logprobs?.[i] ?? null });
    }
    this.#push({ kind: "end", text: isWhole ? text : completion.text.slice(this.#text.length), completion });
    this.#close("done");
    return "wanted";
  }

  #push(event: CompletionEvent): void {
    this.#events.push(event);
    this.#notify();
  }

  #close(end: { error: unknown } | "done"): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#notify();
    this.#onEnd(this.#isAnswered);
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

function changed(): ApiError {
  return failed("worker_lost", "The worker was lost in the middle of the text, and another one wrote a different text");
}

function failed(code: string, message: string): ApiError {
  return new ApiError({ status: 500, type: "server_error", code, message, headers: { "x-should-retry": "false" } });
}
