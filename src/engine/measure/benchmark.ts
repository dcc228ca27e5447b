/** Times an engine on synthetic tokens: prefill of a prompt, or decode after a context. Does not know how results are printed. */
import type { ModelEngine } from "../host/model-engine.js";

/** What to time. */
export interface SpeedTest {
  /** prefill: `tokens` at once from position 0. decode: `tokens` one by one after `depth` others. */
  kind: "prefill" | "decode";
  tokens: number;
  /** 0 for prefill. */
  depth: number;
}

/** One run of a test, in milliseconds. */
export interface Trial {
  total: number;
  /** Time spent waiting for other ranks, mean over the ranks. */
  waited: number;
}

export interface TrialOptions {
  vocabSize: number;
  /** Trials that are run first and not counted. */
  warmup: number;
  /** Trials that are counted. */
  trials: number;
  signal?: AbortSignal;
  /** Called before each trial with its index; warm-up trials have negative indices. */
  onTrial?: (index: number) => void;
}

/** Number of positions a test needs. */
export function testLength({ tokens, depth }: SpeedTest): number {
  return depth + tokens;
}

/** Runs all trials of a test. Every trial rewrites the same positions, so it does not affect the next. */
export async function runTrials(engine: ModelEngine, test: SpeedTest, options: TrialOptions): Promise<Trial[]> {
  const { vocabSize, warmup, trials, signal, onTrial } = options;
  const sequence = engine.newSequence();
  try {
    if (test.depth > 0) {
      const tokens = scatteredIds(0, test.depth, vocabSize);
      await engine.forward([{ sequence, position: 0, tokens, logits: "none" }], signal);
    }
    const results: Trial[] = [];
    for (let index = -warmup; index < trials; index++) {
      onTrial?.(index);
      const trial = await runOnce(engine, test, sequence, vocabSize, signal);
      if (index >= 0) results.push(trial);
    }
    return results;
  } finally {
    engine.release(sequence);
  }
}

async function runOnce(
  engine: ModelEngine,
  { kind, tokens, depth }: SpeedTest,
  sequence: number,
  vocabSize: number,
  signal?: AbortSignal,
): Promise<Trial> {
  const ids = scatteredIds(depth, tokens, vocabSize);
  const waited = engine.times.waited;
  const start = performance.now();
  if (kind === "prefill") {
    await engine.forward([{ sequence, position: 0, tokens: ids, logits: "last" }], signal);
  } else {
    for (const [i, id] of ids.entries()) {
      await engine.forward([{ sequence, position: depth + i, tokens: [id], logits: "last" }], signal);
    }
  }
  return { total: performance.now() - start, waited: engine.times.waited - waited };
}

/** Token ids spread over the whole vocabulary; the same at every call. */
function scatteredIds(position: number, count: number, vocabSize: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.imul(position + i + 1, 0x9e3779b1) >>> 0).map(
    (hash) => hash % vocabSize,
  );
}
