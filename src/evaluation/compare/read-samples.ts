/** Reads the lines of a samples file: each document with its answers and scores. Does not open files. */
import { LlamaError } from "../../error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";

export interface Sample {
  docId: number;
  doc: Record<string, unknown>;
  docHash: string;
  promptHash: string;
  filter: string;
  target: string;
  /** By name; a pair [log-likelihood, weight] as nats per unit of weight. */
  metrics: Record<string, number>;
  /** Log-likelihoods of the responses; empty for texts. */
  likelihoods: number[];
  /** What the model was asked to continue with, one for each log-likelihood. */
  continuations: string[];
  /** Texts after the filter; empty for log-likelihoods. */
  texts: string[];
}

/** Throws LlamaError (usage) that names the line. */
export function readSamples(text: string, path: string): Sample[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, i) => {
    try {
      return sampleOf(JSON.parse(line));
    } catch (cause) {
      const problem = cause instanceof LlamaError ? cause.message : "is not JSON";
      throw new LlamaError("usage", problem, { where: `${path}, line ${i + 1}`, cause });
    }
  });
}

function sampleOf(json: unknown): Sample {
  if (!isObject(json)) throw notSample("object", json);
  const { doc_id, doc, doc_hash, prompt_hash, filter, target, metrics, resps, filtered_resps, arguments: given } = json;
  if (!Number.isInteger(doc_id)) throw notSample("doc_id", doc_id);
  if (typeof doc_hash !== "string") throw notSample("doc_hash", doc_hash);
  if (!Array.isArray(metrics)) throw notSample("metrics", metrics);
  const responses = Array.isArray(resps) ? resps.map((one) => (Array.isArray(one) ? one[0] : one)) : [];
  const likelihoods = responses.map(likelihoodOf).filter((value) => value !== null);
  const isText = likelihoods.length < responses.length;
  const values = metrics.flatMap((name): [string, number][] => {
    const value = typeof name === "string" ? metricOf(json[name]) : null;
    return value === null ? [] : [[name, value]];
  });
  return {
    docId: doc_id as number,
    doc: isObject(doc) ? doc : {},
    docHash: doc_hash,
    promptHash: typeof prompt_hash === "string" ? prompt_hash : "",
    filter: typeof filter === "string" ? filter : "none",
    target: String(target),
    metrics: Object.fromEntries(values),
    likelihoods: isText ? [] : likelihoods,
    continuations: isText || !isObject(given) ? [] : Object.values(given).map(continuationOf),
    texts: isText && Array.isArray(filtered_resps) ? filtered_resps.map(String) : [],
  };
}

/** Of ["-1.5", "False"] or "-1.5"; null for a text. Numbers are written as texts. */
function likelihoodOf(response: unknown): number | null {
  const [value, greedy] = Array.isArray(response) ? response : [response, "False"];
  const isPair = typeof value === "string" && ["True", "False"].includes(String(greedy));
  return isPair && /^-?(\d+(\.\d+)?(e[+-]\d+)?|inf)$/.test(value) ? Number(value.replace("inf", "Infinity")) : null;
}

function continuationOf(given: unknown): string {
  return isObject(given) && typeof given.arg_1 === "string" ? given.arg_1 : "";
}

function metricOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (!Array.isArray(value) || typeof value[0] !== "number" || typeof value[1] !== "number") return null;
  return -value[0] / value[1];
}

function notSample(key: string, found: unknown): LlamaError {
  return new LlamaError("usage", `is not a sample: bad ${key}`, { found: showValue(found) });
}
