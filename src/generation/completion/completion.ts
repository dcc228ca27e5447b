/** A completion from its request to its end: ids, text and log-probabilities in step with each other. Does not know who waits for it. */
import { taggedDetokenizer } from "../form/tag-tokens.js";
import type { ModelContext } from "../loading/model-context.js";
import {
  type GenerateOptions,
  type ResolvedSampling,
  resolveMaxGenLen,
  resolveSampling,
  resolveStop,
} from "../sampling/options.js";
import { randomSeed } from "../sampling/random.js";
import { checkPrompt } from "../scheduling/prompt-check.js";
import type { EndEvent, GenerationRequest, PrefillEvent, TokenEvent } from "../scheduling/request.js";
import { GenerationStats } from "../scheduling/stats.js";
import { CompletionText } from "./completion-text.js";
import { createRequest } from "./make-request.js";
import type { Completion } from "./results.js";
import { type TokenLogprob, TokenLogprobs } from "./token-logprobs.js";

/** What the submitter says of a request beside its options. */
export type RequestTraits = Pick<
  GenerationRequest,
  "isWatched" | "isDisposable" | "owner" | "stats" | "cacheSalt" | "client"
>;

export class RunningCompletion {
  readonly request: GenerationRequest;
  readonly sampling: ResolvedSampling;
  readonly stats: GenerationStats;
  readonly #promptIds: number[];
  readonly #text: CompletionText;
  readonly #logprobs: TokenLogprobs;
  readonly #ids: number[] = [];
  /** Text of the tokens in #ids. */
  #delivered = "";
  #reusedTokens = 0;

  /** `stopIds` end it, beside the model's own stops. A form was prepared. Throws LlamaError (usage) for what cannot be run. */
  constructor(
    model: ModelContext,
    promptIds: number[],
    options: GenerateOptions,
    traits: RequestTraits = {},
    stopIds: ReadonlySet<number> = new Set(),
  ) {
    const { tokenizer, config, maxSeqLen } = model;
    checkPrompt(promptIds, 0, model);
    const { logprobs = false, cachePrompt = true, form } = options;
    const maxTokens = Math.min(resolveMaxGenLen(options, maxSeqLen), maxSeqLen - promptIds.length);
    this.sampling = resolveSampling(options, config.vocabSize, randomSeed);
    this.stats = traits.stats ?? new GenerationStats();
    this.#promptIds = promptIds;
    const detokenizer = form === undefined ? tokenizer.detokenizer() : taggedDetokenizer(tokenizer);
    this.#text = new CompletionText(detokenizer, resolveStop(options), promptIds);
    this.#logprobs = new TokenLogprobs(tokenizer, promptIds, options);
    const ends = new Set([...tokenizer.stopIds, ...stopIds]);
    const base = {
      ...{ promptIds, maxTokens, logprobs, cachePrompt, tokenCount: tokenizer.vocabSize },
      stopIds: ends,
      ...(form !== undefined && { constraint: model.forms.constraint(form, promptIds, ends) }),
      ...traits,
      ...model.lookup(options, this.sampling),
      stats: this.stats,
    };
    this.request = this.#logprobs.request(createRequest(base, this.sampling, this.#text));
  }

  /** Takes note of how far the prompt is; returns its log-probabilities with the last of it, if they were asked for. */
  prefilled({ reused, done, total }: PrefillEvent): TokenLogprob[] | null {
    this.#reusedTokens = reused;
    return done === total ? this.#logprobs.prompt : null;
  }

  /** Adds a new token; returns it with the text that has become final. */
  add(event: TokenEvent): { id: number; text: string; logprob: TokenLogprob | null } {
    this.#ids.push(event.id);
    this.#delivered += event.text;
    return { id: event.id, text: event.text, logprob: this.#logprobs.add(event, event.text) };
  }

  /** Ends it; returns the whole, and the text that was held back until now. */
  end({ reason, stop }: EndEvent): { text: string; completion: Completion } {
    // After an abort there may be tokens that did not come.
    const isCut = this.#ids.length < this.#text.pushed;
    const text = isCut ? "" : this.#text.flush();
    const ids = isCut ? this.#ids : this.#ids.slice(0, this.#text.idCount);
    this.#logprobs.cut(ids.length);
    const completion = {
      ...{
        text: this.#delivered + text,
        ids,
        promptIds: this.#promptIds,
        finishReason: reason,
        formComplete: this.#formComplete(isCut),
        seed: this.sampling.seed,
      },
      ...{ reusedTokens: this.#reusedTokens, stopId: stop?.id ?? null, stopString: this.#text.stopString },
      stopLogprob: stop && this.#logprobs.tokens ? this.#logprobs.describe(stop, "") : null,
      ...{ logprobs: this.#logprobs.tokens, promptLogprobs: this.#logprobs.prompt },
      timings: this.stats.timings(),
    };
    return { text, completion };
  }

  /** A text that a stop string ended lacks that string, and an abort may have dropped tokens that the form has seen. */
  #formComplete(isCut: boolean): boolean | null {
    const { constraint } = this.request;
    return constraint ? constraint.isComplete && !isCut && this.#text.stopString === null : null;
  }
}
