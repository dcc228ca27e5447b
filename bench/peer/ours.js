/** llama-ts as one side of the comparison; runs in its own process. */
import { freemem } from "node:os";
import { serve } from "./serve.js";

let llama;
/** Used for a preset, which has no files that Llama.build() could open. */
let engine;

/** The text that is being measured: its ids so far, and a salt, so that no KV cache of an earlier one is found. */
let text = { ids: [], salt: "" };
let opened = 0;

serve({
  async load({ preset, layers, ckptDir, tokenizerPath, dtype, context, nprocPerNode, cacheDir }) {
    if (preset) return loadPreset({ preset, layers, dtype, context, nprocPerNode });
    const { Llama } = await import("../../dist/src/index.js");
    llama = await Llama.build({ ckptDir, tokenizerPath, dtype, nprocPerNode, cacheDir, maxSeqLen: context });
    return {
      ranks: llama.worldSize,
      threads: llama.threadsPerRank,
      dtype: llama.dtype,
      cache: llama.weightCache.state,
    };
  },

  /** The request loop would run ahead of a reader that waits for its turn, so each part of a text is a request of its own. */
  async open(ids) {
    text = { ids: [...ids], salt: String(++opened) };
    await this.run(1);
  },

  /** Runs the next `count` tokens of the text; returns how many came. The last token of the part before runs with them. */
  async run(count) {
    const before = text.ids.length;
    const options = { temperature: 0, maxGenLen: count, promptLookupNumTokens: 0, cacheSalt: text.salt };
    for await (const event of llama.submit({ ...options, prompt: [...text.ids] })) {
      if (event.kind === "token") text.ids.push(event.id);
    }
    return text.ids.length - before;
  },

  async *greedy(ids, count) {
    for await (const { id } of llama.stream(ids, { temperature: 0, maxGenLen: count, promptLookupNumTokens: 0 }))
      if (id !== null) yield id;
  },

  async batch(prompts, count) {
    const [{ RequestLoop }, { resolveLimits }, { createSampler }] = await Promise.all([
      import("../../dist/src/generation/scheduling/request-loop.js"),
      import("../../dist/src/generation/scheduling/request-limits.js"),
      import("../../dist/src/generation/sampling/sampler.js"),
    ]);
    const greedy = createSampler({ temperature: 0, topP: 1, topK: 0, minP: 0 });
    const sample = (logits) => greedy(logits, () => 0);
    const limits = resolveLimits({ concurrency: prompts.length, kvMemory: freemem() / 2 }, engine.positionBytes);
    const loop = new RequestLoop(engine, limits, engine.dtype);
    let tokens = 0;
    const run = async (promptIds) => {
      const request = { promptIds, maxTokens: count, sample, stopIds: new Set(), logprobs: false, isDisposable: true };
      for await (const event of loop.submit(request)) if (event.kind === "token") tokens++;
    };
    await Promise.all(prompts.map(run));
    loop.clear();
    return tokens;
  },

  eosId: () => llama.tokenizer.eosId,
});

async function loadPreset({ preset, layers, dtype, context, nprocPerNode }) {
  const { availableParallelism } = await import("node:os");
  const { Engine } = await import("../../dist/src/engine/engine.js");
  const { defaultCacheRoot } = await import("../../dist/src/engine/weight-cache/cache-folder.js");
  const { presetCheckpoint } = await import("../../dist/src/model/sizes/presets.js");
  const worldSize = nprocPerNode === "auto" ? availableParallelism() : nprocPerNode;
  const checkpoint = presetCheckpoint(preset, layers);
  engine = await Engine.start(checkpoint, { worldSize, dtype, maxSeqLen: context, cacheRoot: defaultCacheRoot() });
  return {
    ranks: engine.worldSize,
    threads: engine.threadsPerRank,
    dtype: engine.dtype,
    cache: engine.weightCache.state,
  };
}
