/** A model of an evaluation that the workers of a queue run: what is to be scored or generated is a job, whose answers come as they are done. */
import { LlamaError } from "../../error.js";
import type {
  EvalCompleted,
  EvalModel,
  EvalPass,
  EvalPrompt,
  EvalScore,
  EvalScored,
} from "../../evaluation/run/run-work.js";
import { isObject } from "../../formats/files/json-value.js";
import { idsOf } from "../../generation/completion/request-json.js";
import type { TextModel } from "../../generation/completion/text-model.js";
import type { Json } from "../../generation/options/wrong-type.js";
import type { FeedOptions, ScoreAnswer, ScoreRequest } from "../../index.js";
import type { Net } from "../../net/nats/net.js";
import { newJob } from "../../net/queue/layout.js";
import { type JobEnd, QueueJob } from "../../net/queue/queue-job.js";
import type { Origin } from "../json-lines/json-line.js";
import type { Answered } from "../json-lines/run-lines.js";
import type { JobNotes } from "./job-notes.js";
import { encodeBody } from "./request-body.js";

export interface QueuedModelOptions {
  text: TextModel;
  net: Net;
  /** Name of the model in subjects. */
  model: string;
  ackWaitMs: number | undefined;
  notes: JobNotes;
}

/** Of the requests that a worker scores in one pass; see `ScoredPair`. */
export const PASS = "pass";

interface Arrived {
  line: number;
  answer: Json | LlamaError;
  /** The consumer has done with it. */
  done: () => void;
}

/** An evaluation's model. A job ends with its generator: what waits is then of no use, and its answers are dropped. */
export class QueuedModel implements EvalModel {
  readonly #options: QueuedModelOptions;
  readonly tokenizer: EvalModel["tokenizer"];
  readonly maxSeqLen: number;

  constructor(options: QueuedModelOptions) {
    this.#options = options;
    this.tokenizer = options.text.tokenizer;
    this.maxSeqLen = options.text.maxSeqLen;
  }

  async *score<T>(requests: readonly EvalPass<T>[], { signal, stats }: FeedOptions): AsyncGenerator<EvalScored<T>> {
    const bodies = requests.map(({ context, continuation, lastIds }) => ({
      kind: PASS,
      fields: { context_ids: context, continuation_ids: continuation, last_ids: lastIds },
    }));
    for await (const { index, answer } of this.#run(bodies, signal)) {
      const { tag, context, continuation } = requests[index]!;
      const score = answer instanceof LlamaError ? answer : (scoreOf(answer) ?? strange());
      if (score instanceof LlamaError) yield { tag, score: null, error: score };
      else {
        if (stats) stats.promptTokens += context.length + continuation.length - 1;
        yield { tag, score, error: null };
      }
    }
  }

  async *batch<T>(
    requests: readonly EvalPrompt<T>[],
    { signal, stats }: FeedOptions,
  ): AsyncGenerator<EvalCompleted<T>> {
    const bodies = requests.map(({ prompt, options }) => ({
      kind: "batch",
      fields: { request: { prompt_ids: prompt }, options, chat: "auto" },
    }));
    for await (const { index, answer } of this.#run(bodies, signal)) {
      const { tag, prompt } = requests[index]!;
      if (answer instanceof LlamaError) yield { tag, completion: null, error: answer };
      else if (typeof answer.text !== "string" || !Array.isArray(answer.ids)) {
        yield { tag, completion: null, error: strange() };
      } else {
        if (stats) stats.promptTokens += prompt.length;
        if (stats) stats.generatedTokens += answer.ids.length;
        yield { tag, completion: { text: answer.text }, error: null };
      }
    }
  }

  /** Answers as they come, each once. */
  async *#run(
    bodies: readonly { kind: string; fields: object }[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ index: number; answer: Json | LlamaError }> {
    if (bodies.length === 0) return;
    const { net, model, ackWaitMs, notes } = this.#options;
    const control = new AbortController();
    const stop = () => control.abort();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    const arrived: Arrived[] = [];
    const answered = new Set<number>();
    const state: { wake: () => void; end: { error: unknown } | "done" | null } = { wake: () => {}, end: null };
    const arrive = (line: number, answer: Json | LlamaError) =>
      new Promise<void>((done) => {
        answered.add(line);
        arrived.push({ line, answer, done });
        state.wake();
      });
    async function* requests() {
      for (const [i, { kind, fields }] of bodies.entries()) {
        const origin: Origin = { line: i + 1, id: String(i + 1) };
        if (!answered.has(origin.line)) yield { line: origin.line, data: encodeBody({ kind, origin, fields }) };
      }
    }
    const job = newJob();
    const work = async () => {
      let end: JobEnd;
      do {
        end = await QueueJob.run(net, {
          ...{ model, job, ackWaitMs, requests: requests(), signal: control.signal },
          take: async (answers) => {
            const fresh = answers.filter(({ line }) => !answered.has(line) && line <= bodies.length);
            await Promise.all(fresh.map(({ line, data }) => arrive(line, readAnswer(data))));
          },
          refuse: ({ line }, error) => arrive(line, error),
          onEvent: notes.event.bind(notes),
        });
      } while (end === "lost");
    };
    const working = work().then(
      () => "done" as const,
      (error: unknown) => ({ error }),
    );
    void working.then((end) => {
      state.end = end;
      state.wake();
    });
    try {
      for (;;) {
        const next = arrived.shift();
        if (next) {
          yield { index: next.line - 1, answer: next.answer };
          next.done();
        } else if (state.end === null) {
          await new Promise<void>((resolve) => {
            state.wake = resolve;
          });
        } else if (state.end === "done") {
          signal?.throwIfAborted();
          return;
        } else throw state.end.error;
      }
    } finally {
      control.abort();
      signal?.removeEventListener("abort", stop);
      for (const { done } of arrived) done();
      await working;
      await QueueJob.remove(net, job);
    }
  }
}

/** Answers a request of kind `PASS`, for a worker. Throws LlamaError (usage) for what `QueuedModel` cannot have made. */
export function passOf({ context_ids, continuation_ids, last_ids }: Json, tag: Origin): ScoreRequest<Origin> {
  const [context, continuation] = [idsOf("context_ids", context_ids), idsOf("continuation_ids", continuation_ids)];
  return { tag, context, continuation, lastIds: idsOf("last_ids", last_ids) };
}

/** The fields of the answer to it. */
export function passFields({ tag, score, error }: ScoreAnswer<Origin>): Answered {
  if (error) return { tag, fields: null, error };
  const { logprob, isGreedy, others, tokens } = score;
  const fields = { logprob, is_greedy: isGreedy, others, first: tokens[0]?.logprob ?? 0 };
  return { tag, fields, error: null };
}

function scoreOf({ logprob, is_greedy: isGreedy, others, first }: Json): EvalScore | null {
  const isScore = (one: unknown) => isObject(one) && Number.isFinite(one.logprob) && typeof one.isGreedy === "boolean";
  if (!isScore({ logprob, isGreedy }) || !Array.isArray(others) || !others.every(isScore)) return null;
  if (!Number.isFinite(first)) return null;
  return { logprob, isGreedy, others, tokens: [{ logprob: first }] } as EvalScore;
}

function readAnswer(data: Uint8Array): Json | LlamaError {
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(data));
    if (!isObject(record)) return strange();
    const { error } = record;
    if (!isObject(error)) return record;
    const kind = error.kind === "usage" || error.kind === "model" ? error.kind : "runtime";
    return new LlamaError(kind, String(error.message));
  } catch {
    return strange();
  }
}

function strange(): LlamaError {
  return new LlamaError("runtime", "a worker's answer is not one to this request");
}
