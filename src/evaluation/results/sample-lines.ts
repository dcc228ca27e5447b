/** The documents of an evaluation as lines of lm-evaluation-harness' samples files. Does not write files. */
import { createHash } from "node:crypto";
import type { Instance } from "../prompts/instances.js";
import { readLiteral } from "../python/literal.js";
import { pythonStr } from "../python/repr.js";
import type { DocumentResult, TaskResult } from "../run/evaluation.js";
import type { EvalRequest, EvalResponse, Scored, Task } from "../tasks/task.js";

/** Lines of one task: all documents of a filter after those of another. Documents that failed are left out. */
export function* sampleLines({ task, documents }: TaskResult): Generator<string> {
  const whole = documents.filter(({ scored }) => scored !== null);
  for (const [i] of (whole[0]?.scored ?? []).entries()) {
    for (const document of whole) yield JSON.stringify(sample(task, document, document.scored![i]!));
  }
}

/** The hash of all samples of a task in the order of their lines, as lm-evaluation-harness compares runs by it. */
export function taskHash({ task, documents }: TaskResult): string {
  const whole = documents.filter(({ scored }) => scored !== null);
  const each = whole.map(({ instance }) => Object.values(hashes(task, instance)).join(""));
  const hash = createHash("sha256");
  for (const _ of whole[0]?.scored ?? []) hash.update(each.join(""));
  return hash.digest("hex");
}

function sample(task: Task, { instance, responses }: DocumentResult, scored: Scored): Record<string, unknown> {
  const { docId, doc, requests } = instance;
  const { filter, filtered, metrics } = scored;
  const hash = hashes(task, instance);
  return {
    doc_id: docId,
    doc,
    target: targetText(task.target(doc)),
    arguments: Object.fromEntries(requests.map((request, i) => [`gen_args_${i}`, argumentsOf(task, request)])),
    resps: responses.map((response, i) => [responseOf(requests[i]!, response)]),
    filtered_resps: filtered.map((one) => (Array.isArray(one) ? one.map(numberText) : numberText(one))),
    filter,
    metrics: Object.keys(metrics),
    doc_hash: hash.doc,
    prompt_hash: hash.prompt,
    target_hash: hash.target,
    ...metrics,
  };
}

function argumentsOf(task: Task, { kind, context, continuation, until }: EvalRequest): Record<string, unknown> {
  if (kind === "rolling") return { arg_0: context };
  if (kind === "loglikelihood") return { arg_0: context, arg_1: continuation };
  return { arg_0: context, arg_1: task.generationKwargs ?? { until, do_sample: false } };
}

function responseOf({ kind }: EvalRequest, response: EvalResponse): unknown {
  if ("text" in response) return response.text;
  const { logLikelihood, greedy } = response;
  return kind === "rolling" ? numberText(logLikelihood) : [numberText(logLikelihood), numberText(greedy)];
}

function hashes(task: Task, { doc, requests: [first] }: Instance): { doc: string; prompt: string; target: string } {
  return {
    doc: sha256(JSON.stringify(doc, null, 2)),
    prompt: sha256(first?.context ?? ""),
    target: sha256(targetText(task.target(doc))),
  };
}

/** lm-evaluation-harness reads a right answer in brackets as a Python list, such as the interval [1,2], and writes str() of it. */
export function targetText(target: unknown): string {
  if (typeof target !== "string" || !/^\[[^({]*\]$/.test(target)) return pythonStr(target);
  try {
    return pythonStr(readLiteral(target));
  } catch {
    return target;
  }
}

/** str() of Python for numbers and truth values; other values stay. */
export function numberText(value: unknown): unknown {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value}.0`;
  // JavaScript writes an exponent only below 1e-6.
  return String(value);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
