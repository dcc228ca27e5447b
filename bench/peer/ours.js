/** llama-ts as a side of the comparison; a process of its own. */
import { serve } from "./serve.js";

let llama;

serve({
  async load({ ckptDir, tokenizerPath, dtype, context, nprocPerNode, cacheDir }) {
    const { Llama } = await import("../../dist/src/index.js");
    llama = await Llama.build({ ckptDir, tokenizerPath, dtype, nprocPerNode, cacheDir, maxSeqLen: context });
    return { ranks: llama.worldSize, threads: llama.threadsPerRank, dtype: llama.dtype, cache: llama.cache.state };
  },

  async *greedy(ids, count) {
    for await (const { id } of llama.stream(ids, { temperature: 0, maxGenLen: count, promptLookupNumTokens: 0 }))
      if (id !== null) yield id;
  },

  eosId: () => llama.tokenizer.eosId,
});
