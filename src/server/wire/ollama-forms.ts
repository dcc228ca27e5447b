/** Answers in ollama's form: objects that are a line each in a stream, with times in nanoseconds. Does not know how answers are made. */
import type { ToolCall } from "../../index.js";
import type { ChoiceResult } from "../serving/run-choices.js";
import type { ChatLogprobs } from "./logprobs.js";
import { generatedTokens } from "./usage.js";

/** How /api/generate and /api/chat hold a text. */
export type TextField = (text: string, calls: readonly ToolCall[]) => Record<string, unknown>;

export const GENERATED: TextField = (text) => ({ response: text });
export const SAID: TextField = (text, calls) => {
  const made = calls.map(({ id, function: own }) => {
    return { id, function: { name: own.name, arguments: JSON.parse(own.arguments) as unknown } };
  });
  return { message: { role: "assistant", content: text, ...(made.length > 0 && { tool_calls: made }) } };
};

type Logprobs = ChatLogprobs["content"] | null;

export class OllamaForms {
  readonly #model: string;
  readonly #field: TextField;

  constructor(model: string, field: TextField) {
    this.#model = model;
    this.#field = field;
  }

  /** `calls`: whole calls that the text has had. */
  piece(text: string, logprobs: Logprobs, calls: readonly ToolCall[] = []): unknown {
    return { ...this.#head(text, calls), done: false, ...(logprobs && { logprobs }) };
  }

  /** The answer to a request without a text: the model is there already. */
  loaded(): unknown {
    return { ...this.#head(""), done: true, done_reason: "load" };
  }

  /** `totalMs`: since the request; `context`: ids for a next request, null without. */
  end(
    { text, calls = [] }: { text: string; calls?: readonly ToolCall[] },
    logprobs: Logprobs,
    result: ChoiceResult,
    totalMs: number,
    context: number[] | null,
  ): unknown {
    const { completion, queueMs, promptMs, textMs } = result;
    return {
      ...{ ...this.#head(text, calls), done: true, done_reason: completion.finishReason },
      ...(logprobs && logprobs.length > 0 && { logprobs }),
      ...(context && { context }),
      ...{ total_duration: nanoseconds(totalMs), load_duration: nanoseconds(queueMs) },
      ...{ prompt_eval_count: completion.promptIds.length, prompt_eval_duration: nanoseconds(promptMs) },
      ...{ eval_count: generatedTokens(result), eval_duration: nanoseconds(textMs) },
    };
  }

  #head(text: string, calls: readonly ToolCall[] = []): Record<string, unknown> {
    return { model: this.#model, created_at: new Date().toISOString(), ...this.#field(text, calls) };
  }
}

function nanoseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1e6);
}
