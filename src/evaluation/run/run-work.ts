/** Runs planned work on a model, many requests at a time, and gives each answer when it is whole. Does not know tasks and files. */
import type { LlamaError } from "../../error.js";
import type { BatchRequestOptions } from "../../generation/completion/batch.js";
import type { Llama } from "../../generation/llama.js";
import type { FeedOptions } from "../../generation/scheduling/in-flight.js";
import type { EvalResponse, LikelihoodResponse } from "../tasks/task.js";
import { cutAtStops } from "./request-encoder.js";
import type { WorkPlan } from "./work-plan.js";

/** What a run needs of a score. */
export interface EvalScore {
  logprob: number;
  isGreedy: boolean;
  /** With each of `lastIds`, in their order. */
  others: readonly { logprob: number; isGreedy: boolean }[];
  tokens: readonly { logprob: number }[];
}

/** A context and a continuation to score, with ids in the place of its last one. */
export interface EvalPass<T> {
  tag: T;
  context: readonly number[];
  continuation: readonly number[];
  lastIds: readonly number[];
}

export interface EvalPrompt<T> {
  tag: T;
  prompt: readonly number[];
  options: BatchRequestOptions;
}

export type EvalScored<T> = { tag: T } & ({ score: EvalScore; error: null } | { score: null; error: LlamaError });

export type EvalCompleted<T> = { tag: T } & (
  | { completion: { text: string }; error: null }
  | { completion: null; error: LlamaError }
);

/** What a run needs of a model. A `Llama` is one. */
export interface EvalModel extends Pick<Llama, "tokenizer" | "maxSeqLen"> {
  score<T>(passes: readonly EvalPass<T>[], options: FeedOptions): AsyncIterable<EvalScored<T>>;
  batch<T>(prompts: readonly EvalPrompt<T>[], options: FeedOptions): AsyncIterable<EvalCompleted<T>>;
}

/** The answer to a request, or why it has none. `cost`: the tokens that were planned for what has run since the last one. */
export type Answer = { key: string; cost: number; task: string } & (
  | { response: EvalResponse; error: null }
  | { response: null; error: LlamaError }
);

/** Answers as they are done. An abort throws the signal's reason; a failure of the model is thrown. */
export async function* runWork(model: EvalModel, plan: WorkPlan, options: FeedOptions): AsyncGenerator<Answer> {
  for (const { key, error } of plan.refused) yield { key, error, response: null, cost: 0, task: "" };
  const sums = new Sums(plan.parts);
  let spent = 0;
  for (const key of sums.empty()) {
    yield { key, response: { logLikelihood: 0, greedy: true, tokens: 0 }, error: null, cost: 0, task: "" };
  }
  const pairs = plan.passes.map((tag) => ({ ...tag, tag }));
  for await (const { tag, score, error } of model.score(pairs, options)) {
    const { owners, cost, task, continuation } = tag;
    const scores = score && [score, ...score.others];
    spent += cost;
    for (const [i, { key, part }] of owners.entries()) {
      const { logprob = 0, isGreedy = false } = scores?.[i] ?? {};
      const bos = tag.hasBos ? { bos: score?.tokens[0]?.logprob ?? 0 } : {};
      const own = { logLikelihood: logprob, greedy: isGreedy, tokens: continuation.length, ...bos };
      const response = sums.add(key, part, own);
      if (error) yield { key, error, response: null, cost: spent, task };
      else if (response) yield { key, response, error: null, cost: spent, task };
      else continue;
      spent = 0;
    }
  }
  const prompts = plan.texts.map((tag) => {
    const { promptIds: prompt, maxTokens: maxGenLen, stop, temperature, topP, seed } = tag;
    return { tag, prompt, options: { temperature, maxGenLen, stop, seed, topP, topK: 0 } };
  });
  for await (const { tag, completion, error } of model.batch(prompts, options)) {
    const { key, cost, task, stop } = tag;
    if (error) yield { key, error, response: null, cost, task };
    else yield { key, response: { text: cutAtStops(completion.text, stop) }, error: null, cost, task };
  }
}

/** Adds the parts of requests, in the order of the requests. */
class Sums {
  readonly #parts: ReadonlyMap<string, number>;
  readonly #open = new Map<string, Map<number, LikelihoodResponse>>();

  constructor(parts: ReadonlyMap<string, number>) {
    this.#parts = parts;
  }

  /** Requests without any token. */
  empty(): string[] {
    return [...this.#parts].filter(([, parts]) => parts === 0).map(([key]) => key);
  }

  /** The whole answer, if this was its last part. */
  add(key: string, part: number, response: LikelihoodResponse): LikelihoodResponse | null {
    const count = this.#parts.get(key)!;
    if (count === 1) return response;
    const done = this.#open.get(key) ?? new Map<number, LikelihoodResponse>();
    this.#open.set(key, done.set(part, response));
    if (done.size < count) return null;
    this.#open.delete(key);
    const { bos } = done.get(0)!;
    const whole = { logLikelihood: 0, greedy: true, tokens: 0, ...(bos !== undefined && { bos }) };
    for (let i = 0; i < count; i++) {
      const { logLikelihood, greedy, tokens = 0 } = done.get(i)!;
      whole.logLikelihood += logLikelihood;
      whole.greedy &&= greedy;
      whole.tokens += tokens;
    }
    return whole;
  }
}
