/** Checks that both programs write the same greedy text from the same fp32 weights: otherwise their times cannot be compared. */
import { Child } from "./child.js";
import { promptOf } from "./rows.js";

const COUNT = 64;
/** Ids of "Once upon a time" for the demo model's tokenizer, and BOS alone. */
const BEGINNINGS = [[1, 416, 425, 261, 394], [1]];

/** Returns the number of prompts compared and of equal ids; throws if a text differs. The peer's KV cache is fp32 here, like ours. */
export async function agree({ ckptDir, tokenizerPath, file, threads, vocabSize }) {
  const ours = new Child("ours");
  const peer = new Child("peer");
  try {
    const context = 512;
    await ours.request("load", { options: { ckptDir, tokenizerPath, dtype: "fp32", context, nprocPerNode: "auto" } });
    await peer.request("load", { options: { file, context, threads, exactCache: true } });
    const prompts = [...BEGINNINGS, promptOf(3, vocabSize, 1), promptOf(20, vocabSize, 2), promptOf(100, vocabSize, 3)];
    let equal = 0;
    for (const ids of prompts) {
      const wanted = await ours.request("text", { ids, count: COUNT });
      const found = await peer.request("text", { ids, count: COUNT });
      const at = wanted.findIndex((id, i) => id !== found[i]);
      if (at >= 0 || wanted.length !== found.length) {
        throw new Error(`the texts for the prompt [${ids}] differ:\n  ours [${wanted}]\n  peer [${found}]`);
      }
      equal += wanted.length;
    }
    return { prompts: prompts.length, ids: equal };
  } finally {
    await ours.end();
    await peer.end();
  }
}
