/** Runs the choices of one request for a route: as one answer, or as a stream of events. Does not know their JSON. */
import { ApiError } from "../http/api-error.js";
import { EventStream, type Framing } from "../http/event-stream.js";
import type { OpenChoice } from "../serving/admission.js";
import { type ChoicePlan, type ChoiceResult, type RunOptions, runChoices } from "../serving/run-choices.js";
import type { ServerModel } from "../serving/server-model.js";
import { type PlacedToken, TokenTrail } from "../wire/token-trail.js";
import { generatedTokens, type Usage } from "../wire/usage.js";
import { errorOf } from "./errors.js";
import type { Exchange, Service } from "./route.js";

/** The events of a stream, by what has happened. */
export interface StreamForm {
  /** Default: server-sent events without names, as of most of OpenAI's API. */
  framing?: Framing;
  /** Before anything else. */
  first(choice: number): unknown[];
  /** The prompt is computed. */
  prompt(choice: number, event: { promptLogprobs: ChoiceResult["completion"]["promptLogprobs"] }): unknown[];
  piece(choice: number, text: string, placed: readonly PlacedToken[], soFar: OpenChoice): unknown[];
  last(choice: number, text: string, placed: readonly PlacedToken[], result: ChoiceResult): unknown[];
  /** An event without choices. */
  aside(fields: Record<string, unknown>): unknown;
  /** After all choices; null: none. */
  usage(results: readonly ChoiceResult[]): unknown;
  /** An error after the first event; by default its body. */
  error?(error: ApiError): unknown;
}

export interface StreamOptions {
  form: StreamForm;
  /** Code points before the choice's own text. */
  offset(choice: number): number;
  wantsProgress: boolean;
}

export function collectChoices(
  llama: ServerModel,
  plans: readonly ChoicePlan[],
  exchange: Exchange,
  service: Service,
): Promise<ChoiceResult[]> {
  return runChoices(llama, plans, runOptions(exchange, service));
}

/** Writes a stream to its end; an error before the first event is thrown, a later one becomes an event. */
export async function streamChoices(
  llama: ServerModel,
  plans: readonly ChoicePlan[],
  exchange: Exchange,
  service: Service,
  { form, offset, wantsProgress }: StreamOptions,
): Promise<ChoiceResult[] | null> {
  const open: { stream: EventStream | null } = { stream: null };
  const trails = plans.map(({ ids }, i) => new TokenTrail(llama.tokenizer, ids, offset(i)));
  const held = plans.map((): PlacedToken[] => []);
  const send = (value: unknown) => open.stream?.send(value);
  try {
    const results = await runChoices(llama, plans, {
      ...runOptions(exchange, service),
      onQueued: () => {
        open.stream = new EventStream(exchange.outgoing, service.settings.pingMs, form.framing);
        plans.flatMap((_, i) => form.first(i)).forEach(send);
      },
      onEvent: (i, event, choice) => {
        if (event.kind === "queued") {
          const { position } = event;
          if (wantsProgress) send(form.aside({ queue: { position, of: service.admission.waiting } }));
        } else if (event.kind === "prefill") {
          const { done: processed, total, reused: cache } = event;
          const timeMs = Math.round(performance.now() - exchange.startedAt);
          const progress = { total, cache, processed, time_ms: timeMs };
          if (wantsProgress) send(form.aside({ prompt_progress: progress }));
          if (processed === total) form.prompt(i, event).forEach(send);
        } else {
          held[i]!.push(...trails[i]!.push(event.id, event.text, event.logprob));
          if (event.text !== "") form.piece(i, event.text, held[i]!.splice(0), choice).forEach(send);
        }
      },
      onDone: (i, result) => {
        const rest = [...held[i]!.splice(0), ...trails[i]!.end(result.completion, offset(i))];
        form.last(i, result.rest, rest, result).forEach(send);
      },
    });
    const usage = form.usage(results);
    if (usage !== null) send(usage);
    open.stream?.done();
    return results;
  } catch (error) {
    if (!open.stream) throw error;
    // A client that has left is nobody's failure.
    if (exchange.signal.aborted) return null;
    const answer = errorOf(error, exchange, service);
    open.stream.fail(form.error?.(answer) ?? answer.body);
    return null;
  }
}

/** Notes an answer's counts and times for the log and the metrics. */
export function noteResults(
  results: readonly ChoiceResult[],
  usage: Usage,
  exchange: Exchange,
  service: Service,
): void {
  const { metrics } = service;
  const cached = usage.prompt_tokens_details.cached_tokens;
  exchange.note({
    tokens: { prompt: usage.prompt_tokens, cached, generated: usage.completion_tokens },
    queueMs: Math.max(...results.map(({ queueMs }) => queueMs)),
    firstTokenMs: Math.min(...results.map(({ queueMs, promptMs }) => queueMs + promptMs)),
    texts: results.map(({ completion }) => completion.text),
  });
  metrics.count("prompt_tokens_total", usage.prompt_tokens);
  metrics.count("cached_tokens_total", cached);
  for (const result of results) {
    const { completion, queueMs, promptMs, textMs } = result;
    metrics.count("generated_tokens_total", generatedTokens(result));
    metrics.count("draft_tokens_total", completion.timings.draftTokens);
    metrics.count("accepted_tokens_total", completion.timings.acceptedTokens);
    metrics.observe("queue_seconds", queueMs / 1000);
    metrics.observe("first_token_seconds", promptMs / 1000);
    const later = generatedTokens(result) - 1;
    if (later > 0) metrics.observe("token_seconds", textMs / 1000 / later);
  }
}

function runOptions({ client, signal }: Exchange, { access, admission, settings }: Service): RunOptions {
  const { requestTimeoutMs: timeoutMs } = settings;
  const timeoutError = () =>
    new ApiError({
      status: 504,
      type: "server_error",
      code: "timeout",
      message: `The answer took longer than this server allows (${timeoutMs / 1000} s)`,
      headers: { "x-should-retry": "false" },
    });
  const cacheOwner = access.needsKey ? client : "";
  return { client, cacheOwner, admission, signal, timeoutMs, timeoutError };
}
