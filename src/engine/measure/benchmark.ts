/** Times an engine on made-up tokens: a prompt, or tokens one by one behind a context. Knows positions and time; not how results are shown. */
import type { Engine } from "../engine.js";

/** What is timed. */
export interface SpeedTest {
  /** prefill: `tokens` at once from position 0. decode: `tokens` one by one behind `depth` others. */
  kind: "prefill" | "decode";
  tokens: number;
  /** 0 for prefill. */
  depth: number;
}

/** One time through a test, in milliseconds. */
export interface Trial {
  total: number;
  /** Waiting for other ranks, the mean over them. */
  waited: number;
}

export interface TrialOptions {
  vocabSize: number;
  /** Trials that are not counted, and those that are. */
  warmup: number;
  trials: number;
  signal?: AbortSignal;
  /** Told before each trial; those of the warm-up are below 0. */
  onTrial?: (index: number) => void;
}

/** Positions a test needs. */
export function testLength({ tokens, depth }: SpeedTest): number {
  return depth + tokens;
}

/** Runs a test some times over. Every trial writes the same positions again, so a trial leaves no trace in the next. */
export async function runTrials(engine: Engine, test: SpeedTest, options: TrialOptions): Promise<Trial[]> {
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
  engine: Engine,
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

/** Ids all over the vocabulary, the same at every call. */
function scatteredIds(position: number, count: number, vocabSize: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.imul(position + i + 1, 0x9e3779b1) >>> 0).map(
    (hash) => hash % vocabSize,
  );
}
