/** Picks the next token from logits: greedy, or softmax with temperature, then top-k, Meta's top-p and min-p. Does not create random numbers. */
import { LlamaError } from "../../error.js";

/** Which tokens can be sampled, by their probabilities. */
export interface KeepOptions {
  /** Keeps this many of the most probable tokens; 0 keeps every token. */
  topK: number;
  /** Keeps the most probable tokens that reach this share of the probability left by top-k; 1 or more keeps every token. */
  topP: number;
  /** Keeps tokens at least this fraction as probable as the most probable one; 0 keeps every token. */
  minP: number;
}

export interface SamplerOptions extends KeepOptions {
  /** 0 always picks the most probable token. */
  temperature: number;
}

export type Sampler = (logits: Float32Array, random: () => number) => number;

/** The tokens that remain, most probable first (ties: lower id first), with probabilities that sum to 1. */
export interface KeptTokens {
  ids: Uint32Array;
  probs: Float64Array;
}

/** Creates a function from logits [vocabSize] to a token id; `random` returns numbers in [0, 1). It throws LlamaError (runtime) for NaN, +infinity, or no finite logit. */
export function createSampler(options: SamplerOptions): Sampler {
  const { temperature, topK, topP, minP } = options;
  if (temperature === 0) return (logits) => firstMaximum(logits);
  return (logits, random) => {
    const probs = softmax(logits, temperature);
    if (topP >= 1 && topK === 0 && minP === 0) return pick(probs, random());
    const kept = keepTokens(probs, options);
    return kept.ids[pick(kept.probs, random())]!;
  };
}

/**
 * Applies top-k, top-p and min-p to probabilities [vocabSize]. Top-p (sample_top_p in Meta's generation.py) drops a token if
 * the tokens before it sum to more than p, so the token that crosses p stays, and at least one stays. p is a share of the
 * probability left by top-k.
 */
export function keepTokens(probs: Float64Array, { topK, topP, minP }: KeepOptions): KeptTokens {
  const isTopK = topK > 0 && topK < probs.length;
  const heap = candidates(probs, isTopK ? 1 : topP);
  let size = heap.length;
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(heap, size, i, probs);
  const next = () => {
    const id = heap[0]!;
    heap[0] = heap[--size]!;
    sink(heap, size, 0, probs);
    return id;
  };
  const ids = new Uint32Array(isTopK ? topK : size);
  let total = 1;
  if (isTopK) {
    total = 0;
    for (let i = 0; i < topK; i++) {
      ids[i] = next();
      total += probs[ids[i]!]!;
    }
  }
  let count = 0;
  let mass = 0;
  let least = 0;
  while (count < ids.length && (count === 0 || mass <= topP * total || topP >= 1)) {
    const id = isTopK ? ids[count]! : next();
    const probability = probs[id]!;
    if (probability < least) break;
    if (count === 0) least = minP * probability;
    ids[count++] = id;
    mass += probability;
  }
  const kept = ids.slice(0, count);
  return { ids: kept, probs: Float64Array.from(kept, (id) => probs[id]! / mass) };
}

/** Index of the first maximum. Throws LlamaError (runtime) for NaN, +infinity, or no finite logit: the forward pass failed. */
function firstMaximum(logits: Float32Array): number {
  let best = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > max) {
      max = logit;
      best = i;
    } else if (Number.isNaN(logit)) {
      max = logit;
      break;
    }
  }
  if (Number.isFinite(max)) return best;
  throw new LlamaError("runtime", "cannot sample from the model's logits", {
    expected: "finite numbers",
    found: max === Number.NEGATIVE_INFINITY ? "no finite number" : String(max),
    fix: "If logit_bias forbids every token, or every one that the form allows, allow one; else the weights may be damaged, or the compute type may be too small for them",
  });
}

function softmax(logits: Float32Array, temperature: number): Float64Array {
  const max = logits[firstMaximum(logits)]!;
  const probs = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < probs.length; i++) {
    const probability = Math.exp((logits[i]! - max) / temperature);
    probs[i] = probability;
    sum += probability;
  }
  for (let i = 0; i < probs.length; i++) probs[i]! /= sum;
  return probs;
}

/**
 * The ids that top-p can keep. All tokens below (1 - p) / n together have less than 1 - p, so the tokens before each of
 * them sum to more than p. From llama2.c (https://github.com/karpathy/llama2.c, run.c).
 */
function candidates(probs: Float64Array, p: number): Uint32Array {
  const cutoff = Math.max(0, 1 - p) / probs.length;
  const ids = new Uint32Array(probs.length);
  let count = 0;
  for (let id = 0; id < probs.length; id++) if (probs[id]! >= cutoff) ids[count++] = id;
  return ids.subarray(0, count);
}

/** Restores the heap order below `root`. A heap is faster than sorting, since usually only few candidates are taken out. */
function sink(heap: Uint32Array, size: number, root: number, probs: Float64Array): void {
  const id = heap[root]!;
  let at = root;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && before(heap[child + 1]!, heap[child]!, probs)) child++;
    if (!before(heap[child]!, id, probs)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  if (size > 0) heap[at] = id;
}

function before(a: number, b: number, probs: Float64Array): boolean {
  const difference = probs[a]! - probs[b]!;
  return difference > 0 || (difference === 0 && a < b);
}

/** Inverse distribution function: the first index whose running sum exceeds `u`. */
function pick(probs: Float64Array, u: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < probs.length; i++) {
    if (probs[i] === 0) continue;
    last = i;
    sum += probs[i]!;
    if (sum > u) return i;
  }
  // Rounding can leave the whole sum just below u.
  return last;
}
