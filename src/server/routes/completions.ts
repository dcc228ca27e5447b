/** POST /v1/completions: continues texts or token ids, as OpenAI's API. */
import { invalid } from "../http/api-error.js";
import { newId } from "../http/ids.js";
import { COMPLETION } from "../schema/answers.js";
import { COMPLETION_REQUEST, type CompletionRequest } from "../schema/completion-request.js";
import { askedForm } from "../schema/form-fields.js";
import type { OpenChoice } from "../serving/admission.js";
import { type AnswerForm, answerForm } from "../serving/answer-form.js";
import { choiceSeed, formNote, requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import type { ServerModel } from "../serving/server-model.js";
import { completionLogprobs } from "../wire/logprobs.js";
import { TokenTexts } from "../wire/token-texts.js";
import { type PlacedToken, placeAnswer, placePrompt, withoutStop } from "../wire/token-trail.js";
import { timingsOf, timingsSoFar, usageOf } from "../wire/usage.js";
import { collectChoices, noteResults, type StreamForm, streamChoices } from "./answer-choices.js";
import { checkModel, fingerprint } from "./model-name.js";
import { type PromptIds, readPrompts } from "./prompts.js";
import type { Exchange, Route, Service } from "./route.js";

/** As in OpenAI's API. */
const DEFAULT_TOKENS = 16;

export const completions: Route = {
  method: "POST",
  path: "/v1/completions",
  summary: "Continue texts or lists of token ids.",
  schema: COMPLETION_REQUEST,
  answers: COMPLETION,
  async answer(exchange, service) {
    const llama = service.model.ready;
    const request = exchange.body as unknown as CompletionRequest;
    checkModel(request.model, service.settings);
    checkTogether(request);
    const form = await answerForm(llama, askedForm(request), null, service.settings);
    const prompts = await readPrompts(llama, request, service.settings.hiddenBos);
    const job = new CompletionJob(llama, request, prompts, form, service.settings);
    if (request.stream) return job.stream(exchange, service);
    const results = await collectChoices(llama, job.plans, exchange, service);
    const json = job.answer(results);
    noteResults(results, json.usage, exchange, service);
    return { json };
  },
};

function checkTogether({ n = 1, best_of: bestOf = n, stream, stream_options: options }: CompletionRequest): void {
  if (bestOf < n) throw invalid(`best_of must be at least n (${n}); found ${bestOf}`, "best_of");
  if (stream && bestOf > n) throw invalid("best_of above n cannot be streamed", "best_of");
  if (options && !stream) throw invalid("stream_options needs stream: true", "stream_options");
}

class CompletionJob {
  readonly plans: ChoicePlan[];
  readonly #llama: ServerModel;
  readonly #request: CompletionRequest;
  readonly #prompts: readonly PromptIds[];
  readonly #texts: TokenTexts;
  /** Choices that run for each prompt, and that are answered. */
  readonly #tries: number;
  readonly #n: number;
  readonly #seed: number;
  readonly #head: Record<string, unknown>;

  constructor(
    llama: ServerModel,
    request: CompletionRequest,
    prompts: readonly PromptIds[],
    { option }: AnswerForm,
    settings: ServeSettings,
  ) {
    const { n = 1, best_of: tries = n, max_tokens: maxTokens = DEFAULT_TOKENS, logprobs, echo, stream } = request;
    if (prompts.length * tries > settings.maxChoices) {
      const found = `${prompts.length} prompts x ${tries}`;
      throw invalid(`At most ${settings.maxChoices} choices in one request; found ${found}`, "prompt");
    }
    const base = requestOptions(request, settings.sampling, llama.tokenizer, llama.config.vocabSize);
    const maxGenLen = Math.min(maxTokens, settings.maxGenLen ?? maxTokens);
    this.plans = prompts.flatMap(({ ids }) =>
      Array.from({ length: tries }, (_, i) => ({
        ids,
        stopIds: request.stop_token_ids ?? [],
        salt: request.cache_salt ?? "",
        options: {
          ...{ ...base, ...option, maxGenLen, seed: choiceSeed(base.seed, i), topLogprobs: logprobs ?? 0 },
          logprobs: logprobs !== undefined || tries > n,
          // The prompt's log-probabilities are the same for all its choices; in a stream each writes its own.
          echo: echo === true && logprobs !== undefined && (i === 0 || stream === true),
        },
      })),
    );
    this.#llama = llama;
    this.#request = request;
    this.#prompts = prompts;
    this.#texts = new TokenTexts(llama.tokenizer);
    this.#tries = tries;
    this.#n = n;
    this.#seed = base.seed;
    this.#head = {
      ...{ id: newId("cmpl-"), object: "text_completion", created: Math.floor(Date.now() / 1000) },
      ...{ model: settings.names[0], system_fingerprint: fingerprint(llama, settings) },
    };
  }

  answer(results: readonly ChoiceResult[]) {
    const choices = this.#prompts.flatMap((prompt, p) => {
      const tries = results.slice(p * this.#tries, (p + 1) * this.#tries);
      const promptLogprobs = tries[0]!.completion.promptLogprobs;
      const best = this.#tries > this.#n ? tries.sort((a, b) => meanLogprob(b) - meanLogprob(a)) : tries;
      return best.slice(0, this.#n).map((result, i) => {
        const { completion } = result;
        const text = this.#echo(prompt) + completion.text;
        const placed = [...this.#promptTokens(prompt, promptLogprobs), ...this.#ownTokens(prompt, result)];
        return this.#choice(p * this.#n + i, prompt, text, placed, result);
      });
    });
    const usage = this.#usage(results);
    return { ...this.#head, choices, usage, seed: this.#seed, timings: timingsOf(results[0]!) };
  }

  async stream(exchange: Exchange, service: Service): Promise<null> {
    const { stream_options: { include_usage: wantsUsage = false } = {}, return_progress = false } = this.#request;
    const event = (choices: unknown[], more: Record<string, unknown> = {}) => {
      return { ...this.#head, choices, ...(wantsUsage && { usage: null }), ...more };
    };
    const prompt = (choice: number) => this.#prompts[Math.floor(choice / this.#tries)]!;
    const part = (index: number, text: string, placed: readonly PlacedToken[]) => ({
      ...{ index, text, logprobs: this.#logprobs(placed), finish_reason: null, stop_reason: null },
      ...(this.#request.return_token_ids && { token_ids: placed.map(({ id }) => id) }),
    });
    const { echo = false, logprobs } = this.#request;
    const waitsForPrompt = echo && logprobs !== undefined;
    const timed = (soFar: OpenChoice) => (this.#request.timings_per_token ? { timings: timingsSoFar(soFar) } : {});
    const form: StreamForm = {
      first: (i) =>
        echo && !waitsForPrompt ? [event([{ ...part(i, prompt(i).text, []), token_ids: undefined }])] : [],
      prompt: (i, { promptLogprobs }) => {
        if (!waitsForPrompt) return [];
        const placed = this.#promptTokens(prompt(i), promptLogprobs);
        return [event([{ ...part(i, prompt(i).text, placed), token_ids: undefined }])];
      },
      piece: (i, text, placed, soFar) => [event([part(i, text, placed)], timed(soFar))],
      last: (i, text, placed, result) => {
        const choice = { ...this.#choice(i, prompt(i), text, placed, result), logprobs: this.#logprobs(placed) };
        const own = withoutStop(placed, result).map(({ id }) => id);
        const ids = this.#request.return_token_ids && { token_ids: own };
        return [event([{ ...choice, ...ids }], { seed: this.#seed, timings: timingsOf(result) })];
      },
      aside: (fields) => event([], fields),
      usage: (results) =>
        wantsUsage
          ? { ...this.#head, choices: [], usage: this.#usage(results), timings: timingsOf(results[0]!) }
          : null,
    };
    const options = {
      ...{ form, wantsProgress: return_progress },
      offset: (i: number) => [...this.#echo(prompt(i))].length,
    };
    const results = await streamChoices(this.#llama, this.plans, exchange, service, options);
    if (results) noteResults(results, this.#usage(results), exchange, service);
    return null;
  }

  #choice(index: number, prompt: PromptIds, text: string, placed: readonly PlacedToken[], result: ChoiceResult) {
    const { completion } = result;
    const { finishReason, stopString, stopId, ids } = completion;
    return {
      ...{ index, text, logprobs: this.#logprobs(placed), finish_reason: finishReason },
      ...{ stop_reason: stopString ?? stopId, ...formNote(result) },
      ...(this.#request.return_token_ids && { prompt_token_ids: prompt.ids.slice(prompt.hidden), token_ids: ids }),
    };
  }

  #echo({ text }: PromptIds): string {
    return this.#request.echo ? text : "";
  }

  #promptTokens(prompt: PromptIds, logprobs: ChoiceResult["completion"]["promptLogprobs"]): PlacedToken[] {
    return this.#request.echo && logprobs ? placePrompt(logprobs, prompt.hidden) : [];
  }

  #ownTokens(prompt: PromptIds, { completion }: ChoiceResult): PlacedToken[] {
    if (this.#request.logprobs === undefined) return [];
    return placeAnswer(this.#llama.tokenizer, completion, [...this.#echo(prompt)].length);
  }

  #logprobs(placed: readonly PlacedToken[]) {
    const { logprobs, return_token_ids } = this.#request;
    return logprobs === undefined ? null : completionLogprobs(placed, this.#texts, return_token_ids);
  }

  #usage(results: readonly ChoiceResult[]) {
    const firsts = this.#prompts.map((_, p) => results[p * this.#tries]!);
    const hidden = this.#prompts.reduce((sum, prompt) => sum + prompt.hidden, 0);
    return usageOf(firsts, results, hidden);
  }
}

/** Of a choice's tokens; the most likely choice is the best. */
function meanLogprob({ completion: { logprobs, stopLogprob } }: ChoiceResult): number {
  const all = [...(logprobs ?? []), ...(stopLogprob ? [stopLogprob] : [])];
  return all.length === 0 ? 0 : all.reduce((sum, { logprob }) => sum + (logprob ?? 0), 0) / all.length;
}
