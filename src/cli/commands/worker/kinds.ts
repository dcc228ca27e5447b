/** The kinds of requests that a worker answers: what each does with the model, and the fields of its answer. */
import { LlamaError } from "../../../error.js";
import { isObject } from "../../../formats/files/json-value.js";
import { quoted } from "../../../formats/files/quoted.js";
import { type Json, wrongType } from "../../../generation/options/wrong-type.js";
import type { GenerationStats, Llama } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import type { Answered } from "../../json-lines/run-lines.js";
import { PASS, passFields, passOf } from "../../queue/queued-model.js";
import { batchFields, batchOfQueue } from "../batch/batch-fields.js";
import { scoreFields, scoreRequestOf } from "../score/score-fields.js";

export interface WorkContext {
  llama: Llama;
  stats: GenerationStats;
  /** Ends the request; its answer is then not wanted. */
  signal: AbortSignal;
}

/** Throws LlamaError for a request that is wrong, the signal's reason, and what the model failed with. */
export type Work = (fields: Json, origin: Origin, context: WorkContext) => Promise<Answered>;

const KINDS: ReadonlyMap<string, Work> = new Map<string, Work>([
  ["batch", answerLine],
  ["score", scoreLine],
  [PASS, answerPass],
]);

/** Throws LlamaError (usage) for a kind of another version. */
export function workOf(kind: string): Work {
  const work = KINDS.get(kind);
  if (work) return work;
  const expected = [...KINDS.keys()].join(", ");
  throw new LlamaError("usage", "the worker does not know this kind of request", { expected, found: quoted(kind) });
}

async function answerLine(fields: Json, origin: Origin, { llama, stats, signal }: WorkContext): Promise<Answered> {
  const { request, settings } = batchOfQueue(fields, origin);
  for await (const answer of llama.batch([request], { ...settings, stats, signal })) return batchFields(answer);
  throw new Error("a request ended without an answer");
}

async function scoreLine({ request }: Json, origin: Origin, { llama, stats, signal }: WorkContext): Promise<Answered> {
  if (!isObject(request)) throw wrongType("request", "an object", request);
  for await (const answer of llama.score([scoreRequestOf(request, origin)], { stats, signal }))
    return scoreFields(answer);
  throw new Error("a request ended without an answer");
}

async function answerPass(fields: Json, origin: Origin, { llama, stats, signal }: WorkContext): Promise<Answered> {
  for await (const answer of llama.score([passOf(fields, origin)], { stats, signal })) return passFields(answer);
  throw new Error("a request ended without an answer");
}
