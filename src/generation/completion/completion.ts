/** A row and what it has given so far: ids, text and log-probabilities in step with each other. Knows the row's events; not who waits for them. */

import type { ModelContext } from "../loading/model-context.js";
import {
  checkCount,
  type FinishReason,
  type GenerateOptions,
  type ResolvedSampling,
  resolveMaxGenLen,
  resolveSampling,
  resolveStop,
} from "../sampling/options.js";
import { randomSeed } from "../sampling/random.js";
import type { GenerationRequest, KeptSequence, TokenEvent } from "../scheduling/request.js";
import { CompletionText } from "./completion-text.js";
import { createRequest } from "./make-request.js";
import { checkPrompt } from "./prompt-check.js";
import type { BatchCompletion } from "./results.js";
import { type TokenLogprob, TokenLogprobs } from "./token-logprobs.js";

export class RunningCompletion {
  readonly row: GenerationRequest;
  readonly sampling: ResolvedSampling;
  readonly #promptIds: number[];
  readonly #text: CompletionText;
  readonly #scores: TokenLogprobs;
  readonly #ids: number[] = [];

  /** Of one prompt; with `kept` in a sequence of the caller's. Throws LlamaError (usage) for what cannot be run. */
  constructor(run: ModelContext, promptIds: number[], options: GenerateOptions, kept?: KeptSequence) {
    const { tokenizer, config, maxSeqLen } = run;
    checkPrompt(promptIds, 0, run);
    checkCount("logprobs", options.topLogprobs, 0);
    const { logprobs = false } = options;
    const maxTokens = Math.min(resolveMaxGenLen(options, maxSeqLen), maxSeqLen - promptIds.length);
    this.sampling = resolveSampling(options, config.vocabSize, randomSeed);
    this.#promptIds = promptIds;
    this.#text = new CompletionText(tokenizer.detokenizer(), resolveStop(options), promptIds);
    this.#scores = new TokenLogprobs(tokenizer, promptIds, options);
    const spec = { promptIds, maxTokens, stopIds: tokenizer.stopIds, logprobs, ...(kept && { kept }) };
    this.row = this.#scores.row(createRequest(spec, this.sampling, this.#text));
  }

  /** Takes a new token; returns it with the text that has become final. */
  add(event: TokenEvent & { id: number }): { id: number; text: string; logprob: TokenLogprob | null } {
    this.#ids.push(event.id);
    const text = this.#text.takeText();
    return { id: event.id, text, logprob: this.#scores.add(event, text) };
  }

  /** Ends it; returns the whole, and the text that was held back until now. */
  end(finishReason: FinishReason): { text: string; completion: BatchCompletion } {
    this.#text.flush();
    const ids = this.#ids.slice(0, this.#text.idCount);
    this.#scores.cut(ids.length);
    const completion = {
      ...{ text: this.#text.text, ids, promptIds: this.#promptIds, finishReason, seed: this.sampling.seed },
      ...{ logprobs: this.#scores.tokens, promptLogprobs: this.#scores.prompt },
    };
    return { text: this.#text.takeText(), completion };
  }
}
