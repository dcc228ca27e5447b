/** Tests that every way into the library names an option that is unknown or of the wrong type. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { similarName } from "../../src/generation/options/similar-name.js";
import { Llama, LlamaError } from "../../src/index.js";
import { demo } from "../folders.js";
import { lastly } from "../lastly.js";

let llama: Llama;
before(async () => {
  llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 64 });
});

/** Options as a program without types gives them. */
type Loose = Record<string, unknown>;

function isUsage(message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LlamaError, String(error));
    assert.equal(error.kind, "usage");
    assert.equal(error.message, message);
    return true;
  };
}

test("loading refuses unknown options, wrong types and unknown words", async () => {
  const refused = (options: unknown, message: string) =>
    assert.rejects(Llama.build(options as never), isUsage(message));
  const bad = (options: Loose, message: string) => refused({ ckptDir: demo, ...options }, message);
  await bad({ dtype: "fp16" }, 'dtype: unknown value; expected auto, fp32, int8, int4, found "fp16"');
  await bad({ cpuBind: "sprad" }, 'cpuBind: unknown value; expected none, spread, found "sprad"');
  await bad({ max_seq_len: 64 }, "unknown option max_seq_len. Did you mean maxSeqLen?");
  await bad({ nprocPernode: 1 }, "unknown option nprocPernode. Did you mean nprocPerNode?");
  await bad({ maxSeqLen: "64" }, "maxSeqLen: has the wrong type; expected a number, found a string");
  await bad({ maxSeqLen: null }, "maxSeqLen: has the wrong type; expected a number, found null");
  await bad({ nprocPerNode: "2" }, 'nprocPerNode: unknown value; expected a number or auto, found "2"');
  await bad({ rankTimeoutMs: -1 }, "rankTimeoutMs: out of range; expected a number of at least 0, found -1");
  await bad({ signal: {} }, "signal: has the wrong type; expected an AbortSignal, found an object");
  await bad({ onProgress: true }, "onProgress: has the wrong type; expected a function, found a boolean");
  await refused({}, "ckptDir: has the wrong type; expected a string, found undefined");
  await refused(null, "options: has the wrong type; expected an object, found null");
  await assert.rejects(
    Llama.build({ ckptDir: demo, colour: 1 } as never),
    /unknown option colour; expected one of ckptDir, /,
  );
});

const wrong: [Loose, string][] = [
  [{ tempreature: 0.5 }, "unknown option tempreature. Did you mean temperature?"],
  [{ top_p: 0.5 }, "unknown option top_p. Did you mean topP?"],
  [{ temperature: "0.5" }, "temperature: has the wrong type; expected a number, found a string"],
  [{ topK: null }, "topK: has the wrong type; expected a number, found null"],
  [{ stop: [1] }, "stop: has the wrong type; expected a string or a list of strings, found a list"],
  [{ logitBias: [5] }, "logitBias: has the wrong type; expected an object of numbers by token id, found a list"],
  [{ logprobs: 3 }, "logprobs: has the wrong type; expected true or false, found a number"],
  [{ maxGenLen: "8" }, "maxGenLen: has the wrong type; expected a number or null, found a string"],
  [{ temperature: -1 }, "temperature: out of range; expected a number of at least 0, found -1"],
];

test("generate, textCompletion, stream and batch refuse the same options in the same words", async () => {
  for (const [options, message] of wrong) {
    const one = options as never;
    await assert.rejects(llama.generate([[1]], one), isUsage(message));
    await assert.rejects(llama.textCompletion(["x"], one), isUsage(message));
    await assert.rejects(llama.stream("x", one).next(), isUsage(message));
    for await (const { error } of llama.batch([{ tag: 0, prompt: "x", options: one }])) isUsage(message)(error);
  }
});

test("dialogs, conversations and turns refuse options that are not theirs", async () => {
  const dialog = [{ role: "user" as const, content: "x" }];
  await assert.rejects(llama.chatCompletion([dialog], { echo: true } as never), /unknown option echo/);
  assert.throws(
    () => llama.conversation({ chat: "lama2" } as never),
    isUsage(
      'chat: unknown value; expected auto, template, llama2, llama3, none, text or {template: a Jinja template}, found "lama2"',
    ),
  );
  assert.throws(
    () => llama.conversation({ sytem: "x" } as never),
    isUsage("unknown option sytem. Did you mean system?"),
  );
  const conversation = llama.conversation();
  await assert.rejects(conversation.send("x", { maxGenLen: "4" } as never).next(), /maxGenLen: has the wrong type/);
  await assert.rejects(conversation.send("x", { logprobs: true } as never).next(), /unknown option logprobs/);
  await assert.rejects(llama.saveConversation(conversation, "x", { cahce: true } as never), /Did you mean cache\?/);
});

test("calls with many requests refuse options that are not theirs", async () => {
  assert.throws(() => llama.batch([], { temperature: 0 } as never), /unknown option temperature/);
  assert.throws(
    () => llama.batch([], { concurrency: "2" } as never),
    isUsage("concurrency: has the wrong type; expected a number, found a string"),
  );
  assert.throws(
    () => llama.score([], { concurency: 2 } as never),
    isUsage("unknown option concurency. Did you mean concurrency?"),
  );
  await assert.rejects(
    llama.scoreText([1, 2], { windows: 8 } as never),
    isUsage("unknown option windows. Did you mean window?"),
  );
});

test("a request without a prompt, or with one of the wrong type, is refused", async () => {
  const refused = async (request: Loose, message: string) => {
    for await (const { error } of llama.batch([{ tag: 0, ...request } as never])) isUsage(message)(error);
    assert.throws(() => llama.submit(request as never), isUsage(message));
  };
  await refused({ prompt: 5 }, "prompt: has the wrong type; expected a string or a list of token ids, found a number");
  await refused({ messages: "x" }, "messages: has the wrong type; expected a list of messages, found a string");
  await refused({}, "messages: has the wrong type; expected a list of messages, found undefined");
  assert.throws(
    () => llama.submit({ prompt: "x", tempreature: 0 } as never),
    isUsage("unknown option tempreature. Did you mean temperature?"),
  );
});

test("undefined counts as left out, and null is right where it is documented", async () => {
  const [answer] = await llama.textCompletion(["Once"], {
    maxGenLen: null,
    topK: undefined,
    signal: undefined,
  } as never);
  assert.ok(answer!.generation.length > 0);
});

test("a similar name is found in spite of typos, case and underscores, and only then", () => {
  const names = ["temperature", "topP", "topK", "maxGenLen"];
  assert.equal(similarName("temprature", names), "temperature");
  assert.equal(similarName("max_gen_len", names), "maxGenLen");
  assert.equal(similarName("TOPK", names), "topK");
  assert.equal(similarName("threads", names), undefined);
  assert.equal(similarName("x".repeat(1e6), names), undefined);
});

lastly(() => llama.close());
