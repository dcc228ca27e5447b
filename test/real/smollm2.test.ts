/** A real model, SmolLM2-135M-Instruct, straight from its GGUF file: ids, logits, greedy texts, a likelihood and a chat as transformers has them. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Llama } from "../../src/index.js";
import { fixture, readJson } from "../folders.js";
import { lastly } from "../lastly.js";
import { findSmolLm2 } from "./smollm2-file.js";

/** From transformers in float64, with the weights of the file (bench/tokenizers/smollm2.py). */
interface Reference {
  prompts: { text: string; ids: number[]; greedyIds: number[]; logitIds: number[]; logits: number[] }[];
  text: string;
  tokens: number;
  logprob: number;
  messages: string[];
  turns: { ids: number[]; answerIds: number[]; answer: string }[];
}

/** From transformers in fp32. */
interface ChatTurn {
  user: string;
  prompt_ids: number[];
  ids: number[];
  text: string;
  stop: number;
}

const TOLERANCE = 1e-3;
const reference = readJson<Reference>(fixture("smollm2.json"));
const found = findSmolLm2();
const skip = "missing" in found ? found.missing : false;
let llama: Llama;

before(async () => {
  if ("path" in found) llama = await Llama.build({ ckptDir: found.path, dtype: "fp32", maxSeqLen: 512 });
});

test("SmolLM2: ids, logits and greedy texts of prompts", { skip }, async (t) => {
  let largest = 0;
  for (const { text, ids, greedyIds, logitIds, logits } of reference.prompts) {
    assert.deepEqual(llama.tokenizer.encode(text, { bos: true }), ids, text);
    const values = await llama.logits(ids);
    for (const [i, id] of logitIds.entries()) largest = Math.max(largest, Math.abs(values[id]! - logits[i]!));
    const { tokens } = await llama.generate([ids], { temperature: 0, maxGenLen: greedyIds.length });
    assert.deepEqual(tokens[0], greedyIds, text);
  }
  t.diagnostic(`largest difference of a logit ${largest.toExponential(2)}`);
  assert.ok(largest <= TOLERANCE, `logits differ by ${largest}`);
});

test("SmolLM2: the log-likelihood of a text", { skip }, async () => {
  const ids = llama.tokenizer.encode(reference.text);
  const { logprob, tokens } = await llama.scoreText(ids, { window: 512, stride: 256 });
  assert.equal(tokens, reference.tokens);
  assert.ok(Math.abs(logprob - reference.logprob) <= TOLERANCE * tokens, `${logprob} instead of ${reference.logprob}`);
});

test("SmolLM2: a chat of three turns in the model's own format ends each answer at its stop", { skip }, async () => {
  const dialog: { role: "user" | "assistant"; content: string }[] = [];
  for (const [i, { ids, answer }] of reference.turns.entries()) {
    dialog.push({ role: "user", content: reference.messages[i]! });
    assert.deepEqual(llama.encodeDialog(dialog), ids);
    const [prediction] = await llama.chatCompletion([dialog], { temperature: 0, maxGenLen: 64 });
    assert.equal(prediction!.generation.content.trim(), answer);
    dialog.push({ role: "assistant", content: answer });
  }
});

test("SmolLM2: a conversation of three turns has the greedy ids of transformers, and runs only what is new", {
  skip,
}, async () => {
  const { turns } = readJson<{ turns: ChatTurn[] }>(fixture("smollm2-chat.json"));
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
  talk.close();
});

lastly(() => llama?.close());
