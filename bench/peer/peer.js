/** node-llama-cpp as the other side of the comparison; runs in its own process. */
import { serve } from "./serve.js";

/** Maximum number of prompt tokens that run at once. */
const BATCH = 512;

let model;
let options;
/** By setting of flash attention; made at first use. */
const sequences = new Map();

async function sequenceOf(flashAttention) {
  if (!sequences.has(flashAttention)) {
    const { context: contextSize, threads, exactCache } = options;
    const cache = exactCache ? { experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" } : {};
    const context = await model.createContext({ contextSize, batchSize: BATCH, threads, flashAttention, ...cache });
    sequences.set(flashAttention, context.getSequence());
  }
  return sequences.get(flashAttention);
}

serve({
  async load(given) {
    options = given;
    const { getLlama, getModuleVersion } = await import("node-llama-cpp");
    const llama = await getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      maxThreads: options.threads,
      logLevel: "error",
    });
    model = await llama.loadModel({ modelPath: options.file });
    const { context } = await sequenceOf("auto");
    return {
      version: await getModuleVersion(),
      release: llama.llamaCppRelease.release,
      threads: context.currentThreads,
      batch: context.batchSize,
      mmap: model.useMmap,
      features: llama.systemInfo,
    };
  },

  async *greedy(ids, count, flashAttention = "auto") {
    const sequence = await sequenceOf(flashAttention);
    await sequence.clearHistory();
    let left = count;
    // An end-of-text token is treated like any other here: it must not shorten the measurement.
    for await (const id of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
      yield id;
      if (--left === 0) return;
    }
  },

  async batch(prompts, count, flashAttention = "auto") {
    const key = `${prompts.length} ${flashAttention}`;
    if (!sequences.has(key)) {
      const { context: contextSize, threads } = options;
      const settings = { contextSize, sequences: prompts.length, batchSize: BATCH, threads, flashAttention };
      const context = await model.createContext(settings);
      sequences.set(
        key,
        prompts.map(() => context.getSequence()),
      );
    }
    const texts = prompts.map(async (ids, i) => {
      const sequence = sequences.get(key)[i];
      await sequence.clearHistory();
      let left = count;
      for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) if (--left === 0) break;
      return count - left;
    });
    return (await Promise.all(texts)).reduce((a, b) => a + b);
  },

  eosId: () => model.tokens.eos,
});
