/** The real server, asked by OpenAI's own client: the numbers and texts are those of the library. */
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { demoModel, Llama } from "../../src/index.js";
import { lastly } from "../lastly.js";
import { startServer } from "./server-process.js";

const PROMPT = "Once upon a time";

const [server, llama] = await Promise.all([
  startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1"]),
  Llama.build({ ...demoModel, nprocPerNode: 1 }),
]);
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });

async function own(prompt: string | number[], options: Parameters<Llama["stream"]>[1]) {
  for await (const { done } of llama.stream(prompt, { temperature: 0.8, topP: 0.95, ...options }))
    if (done) return done;
  throw new Error("no end");
}

test("the same seed gives the library's text, streaming or not", async () => {
  const { text } = await own(PROMPT, { seed: 7, maxGenLen: 20 });
  const params = { model: "demo", prompt: PROMPT, seed: 7, max_tokens: 20 };
  const whole = await client.completions.create(params);
  assert.equal(whole.choices[0]!.text, text);
  assert.equal(whole.choices[0]!.finish_reason, "length");
  assert.deepEqual(
    [whole.usage?.prompt_tokens, whole.usage?.completion_tokens, whole.usage?.total_tokens],
    [5, 20, 25],
  );
  let streamed = "";
  const stream = await client.completions.create({ ...params, stream: true });
  for await (const { choices } of stream) streamed += choices[0]!.text;
  assert.equal(streamed, text);
});

test("24 requests at once give the texts that each gives alone", async () => {
  const seeds = Array.from({ length: 24 }, (_, i) => i);
  const create = (seed: number) => client.completions.create({ model: "demo", prompt: PROMPT, seed, max_tokens: 12 });
  const answers = await Promise.all(seeds.map(create));
  const texts = await Promise.all(seeds.map((seed) => own(PROMPT, { seed, maxGenLen: 12 })));
  assert.deepEqual(
    answers.map(({ choices }) => choices[0]!.text),
    texts.map(({ text }) => text),
  );
});

test("texts, ids and lists of ids, with n: choices in the order of prompts, seeds counted up", async () => {
  const ids = llama.tokenizer.encode("The sun", { bos: true });
  const params = { model: "demo", seed: 3, max_tokens: 6 };
  const texts = await client.completions.create({ ...params, prompt: [PROMPT, "The sun"], n: 2 });
  const alone = await client.completions.create({ ...params, prompt: ids, n: 2 });
  const lists = await client.completions.create({ ...params, prompt: [ids, ids] });
  assert.deepEqual(
    texts.choices.map(({ index }) => index),
    [0, 1, 2, 3],
  );
  const second = await own(ids, { seed: 4, maxGenLen: 6 });
  assert.equal(texts.choices[3]!.text, second.text);
  assert.deepEqual(
    alone.choices.map(({ text }) => text),
    texts.choices.slice(2).map(({ text }) => text),
  );
  assert.deepEqual(
    lists.choices.map(({ text }) => text),
    [texts.choices[2]!.text, texts.choices[2]!.text],
  );
  assert.equal(texts.usage?.prompt_tokens, 5 + ids.length);
});

test("echo with logprobs: the library's numbers for prompt and text, lists of one length, offsets that fit", async () => {
  const params = { model: "demo", prompt: PROMPT, temperature: 0, max_tokens: 5, logprobs: 3, echo: true };
  const { choices } = await client.completions.create(params);
  const { text, logprobs } = choices[0]!;
  const done = await own(PROMPT, { temperature: 0, maxGenLen: 5, logprobs: true, topLogprobs: 3, echo: true });
  assert.equal(text, PROMPT + done.text);
  const all = [...done.promptLogprobs!, ...done.logprobs!];
  assert.deepEqual(
    logprobs!.token_logprobs,
    all.map(({ logprob }) => logprob),
  );
  assert.deepEqual(
    logprobs!.top_logprobs!.slice(1).map((top) => Object.values(top!)),
    all.slice(1).map(({ top }) => top.map(({ logprob }) => logprob)),
  );
  assert.equal(logprobs!.top_logprobs![0], null);
  for (const [i, token] of logprobs!.tokens!.entries()) {
    if (i === 0) continue;
    assert.equal(logprobs!.top_logprobs![i]![token], logprobs!.token_logprobs![i]);
    const offset = logprobs!.text_offset![i]!;
    assert.equal(text.slice(offset, offset + token.length), i === 1 ? token.trimStart() + text[4] : token);
  }
  const events: OpenAI.Completion[] = [];
  for await (const event of await client.completions.create({ ...params, stream: true })) events.push(event);
  const joined = (read: (one: NonNullable<OpenAI.CompletionChoice["logprobs"]>) => unknown[] | undefined) =>
    events.flatMap((event) => read(event.choices[0]!.logprobs!) ?? []);
  assert.equal(events.map((event) => event.choices[0]!.text).join(""), text);
  assert.deepEqual(
    joined((one) => one.token_logprobs),
    logprobs!.token_logprobs,
  );
  assert.deepEqual(
    joined((one) => one.text_offset),
    logprobs!.text_offset,
  );
  assert.deepEqual(
    joined((one) => one.tokens),
    logprobs!.tokens,
  );
});

test("return_token_ids tells the ids of the most likely tokens: any of them can be continued", async () => {
  const params = { prompt: PROMPT, temperature: 0, max_tokens: 3, logprobs: 5, echo: true, return_token_ids: true };
  const { body } = await server.json("/v1/completions", params);
  const { logprobs, prompt_token_ids, token_ids } = body.choices[0];
  const own = logprobs.tokens.map((name: string, i: number) => logprobs.top_token_ids[i]?.[name]);
  assert.deepEqual(logprobs.token_ids, [...prompt_token_ids, ...token_ids]);
  assert.deepEqual(own, [undefined, ...logprobs.token_ids.slice(1)]);
  for (const [i, ids] of logprobs.top_token_ids.entries()) {
    assert.deepEqual(Object.keys(ids ?? {}), Object.keys(logprobs.top_logprobs[i] ?? {}));
  }
  const other = logprobs.top_token_ids[5] as Record<string, number>;
  const [name, id] = Object.entries(other).find(([one]) => one !== logprobs.tokens[5])!;
  const echoed = { prompt: [...prompt_token_ids, id], max_tokens: 0, echo: true };
  assert.equal((await server.json("/v1/completions", echoed)).body.choices[0].text, `${PROMPT}${name}`);
});

test("max_tokens 0 with echo scores a prompt", async () => {
  const params = { model: "demo", prompt: PROMPT, max_tokens: 0, logprobs: 0, echo: true };
  const { choices, usage } = await client.completions.create(params);
  assert.equal(choices[0]!.text, PROMPT);
  assert.equal(choices[0]!.logprobs!.tokens!.length, 5);
  assert.equal(Object.keys(choices[0]!.logprobs!.top_logprobs![2]!).length, 1);
  assert.equal(usage?.completion_tokens, 0);
});

test("a stop token is a token of its own: one entry follows the prompt even if it is first", async () => {
  const { body } = await server.json("/tokenize", { content: "</s>" });
  const stop = body.tokens.at(-1) as number;
  const bias = { [stop]: 100 };
  const params = { model: "demo", prompt: PROMPT, temperature: 0, max_tokens: 3, logprobs: 1, echo: true };
  const { choices, usage } = await client.completions.create({ ...params, logit_bias: bias });
  const { logprobs, finish_reason, text } = choices[0]!;
  assert.deepEqual([logprobs!.tokens!.length, finish_reason, text], [6, "stop", PROMPT]);
  assert.equal(logprobs!.token_logprobs!.length, 6);
  assert.equal(typeof logprobs!.token_logprobs![5], "number");
  assert.equal(usage?.completion_tokens, 1);
  let streamed = 0;
  const stream = await client.completions.create({ ...params, logit_bias: bias, stream: true });
  for await (const event of stream) streamed += event.choices[0]!.logprobs!.tokens!.length;
  assert.equal(streamed, 6);
});

test("the sums that lm-evaluation-harness makes of an answer are those of score()", async () => {
  const encode = (text: string) => llama.tokenizer.encode(text, { bos: true });
  const pairs = [
    ["Once upon a time, there was a", " little girl named Lily."],
    ["The sun was", " dark and she wanted a"],
    ["Tim and his mom went to the park. The", " end."],
  ].map(([context, continuation]) => ({ context: encode(context!), whole: encode(context! + continuation!) }));
  const params = { temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };
  const answer = await client.completions.create({ model: "demo", prompt: pairs.map(({ whole }) => whole), ...params });
  const requests = pairs.map(({ context, whole }, tag) => {
    return { tag, context, continuation: whole.slice(context.length) };
  });
  for await (const { tag, score } of llama.score(requests)) {
    const { logprobs } = answer.choices.find(({ index }) => index === tag)!;
    const from = pairs[tag]!.context.length;
    const own = logprobs!.token_logprobs!.slice(from, -1);
    assert.equal(own.length, pairs[tag]!.whole.length - from);
    const sum = own.reduce((total, one) => total + one, 0);
    assert.ok(Math.abs(sum - score!.logprob) < 1e-4, `${sum} ${score!.logprob}`);
    const tops = logprobs!.top_logprobs!.slice(from, -1);
    const isGreedy = own.every((one, i) => one === Math.max(...Object.values(tops[i]!)));
    assert.equal(isGreedy, score!.isGreedy);
  }
});

test("stop strings, penalties, best_of", async () => {
  const greedy = await own(PROMPT, { temperature: 0, maxGenLen: 20, stop: " named" });
  const base = { model: "demo", prompt: PROMPT, temperature: 0, max_tokens: 20, logprobs: 0 };
  const stopped = await client.completions.create({ ...base, stop: [" named", ""] });
  assert.equal(stopped.choices[0]!.text, greedy.text);
  assert.equal(stopped.choices[0]!.finish_reason, "stop");
  assert.equal(stopped.choices[0]!.logprobs!.tokens!.join(""), greedy.text);
  let streamed = "";
  for await (const event of await client.completions.create({ ...base, stop: " named", stream: true })) {
    streamed += event.choices[0]!.logprobs!.tokens!.join("");
  }
  assert.equal(streamed, greedy.text);
  const options = { temperature: 0, maxGenLen: 20, frequencyPenalty: 1, presencePenalty: 0.5, repetitionPenalty: 1.2 };
  const penalised = { ...base, frequency_penalty: 1, presence_penalty: 0.5, repetition_penalty: 1.2 };
  const answer = await client.completions.create(penalised);
  assert.equal(answer.choices[0]!.text, (await own(PROMPT, options)).text);

  const tries = await Promise.all([5, 6, 7].map((seed) => own(PROMPT, { seed, maxGenLen: 8, logprobs: true })));
  const mean = (one: (typeof tries)[number]) =>
    one.logprobs!.reduce((sum, { logprob }) => sum + logprob!, 0) / one.ids.length;
  const [best] = tries.toSorted((a, b) => mean(b) - mean(a));
  const found = await client.completions.create({
    ...base,
    logprobs: null,
    temperature: 0.8,
    max_tokens: 8,
    seed: 5,
    best_of: 3,
  });
  assert.deepEqual(
    found.choices.map(({ text }) => text),
    [best!.text],
  );
  assert.equal(found.usage?.completion_tokens, 24);
});

test("usage comes at the end of a stream, only if asked for", async () => {
  const params = { model: "demo", prompt: PROMPT, max_tokens: 4, stream: true } as const;
  const usages: unknown[] = [];
  const stream = await client.completions.create({ ...params, stream_options: { include_usage: true } });
  let timings: { predicted_n: number } | undefined;
  for await (const event of stream) {
    const { choices, usage } = event;
    usages.push([choices.length, usage?.completion_tokens ?? null]);
    if (usage) ({ timings } = event as unknown as { timings: { predicted_n: number } });
  }
  assert.equal(timings?.predicted_n, 4, "llama.cpp's clients look for the times there");
  assert.deepEqual(usages.at(-1), [0, 4]);
  assert.ok(usages.slice(0, -1).every((one) => JSON.stringify(one) === "[1,null]"));
  for await (const event of await client.completions.create(params)) assert.equal("usage" in event, false);
});

test("a chat gets the library's answer, streaming or not, with log-probabilities", async () => {
  const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "Tell a story" }] }];
  const dialog = [{ role: "user" as const, content: "Tell a story" }];
  const ids = llama.encodeDialog(dialog, "llama2");
  const done = await own(ids, { temperature: 0, maxGenLen: 10, logprobs: true, topLogprobs: 2 });
  const params = {
    model: "demo",
    messages,
    temperature: 0,
    max_completion_tokens: 10,
    logprobs: true,
    top_logprobs: 2,
  };
  const { choices, usage } = await client.chat.completions.create(params);
  const { message, logprobs } = choices[0]!;
  assert.equal(message.content, done.text);
  assert.equal(usage?.prompt_tokens, ids.length);
  assert.deepEqual(
    logprobs!.content!.map(({ logprob }) => logprob),
    done.logprobs!.map(({ logprob }) => logprob),
  );
  assert.equal(logprobs!.content!.map(({ token }) => token).join(""), done.text);
  assert.ok(logprobs!.content!.every(({ top_logprobs }) => top_logprobs.length === 2));
  let text = "";
  const tokens: string[] = [];
  for await (const { choices } of await client.chat.completions.create({ ...params, stream: true })) {
    text += choices[0]!.delta.content ?? "";
    tokens.push(...(choices[0]!.logprobs?.content ?? []).map(({ token }) => token));
  }
  assert.equal(text, done.text);
  assert.equal(tokens.join(""), done.text);
});

test("tokens: both dialects, and back", async () => {
  const ids = llama.tokenizer.encode("Once é", { bos: true });
  const prompt = await server.json("/tokenize", { prompt: "Once é", return_token_strs: true });
  assert.deepEqual(prompt.body.tokens, ids);
  assert.equal(prompt.body.max_model_len, llama.maxSeqLen);
  assert.deepEqual(prompt.body.token_strs.slice(-2), ["bytes:\\xc3", "bytes:\\xa9"]);
  const content = await server.json("/tokenize", { content: "Once é", with_pieces: true });
  assert.deepEqual(
    content.body.tokens.map(({ id }: { id: number }) => id),
    ids.slice(1),
  );
  assert.deepEqual(content.body.tokens.at(-1).piece, [0xa9]);
  const back = await server.json("/detokenize", { tokens: ids });
  assert.deepEqual(back.body, { content: "Once é", prompt: "Once é" });
  const messages = [{ role: "user", content: "Hi" }];
  const template = await server.json("/apply-template", { messages });
  assert.deepEqual(template.body.tokens, llama.encodeDialog([{ role: "user", content: "Hi" }], "llama2"));
  const info = await server.json("/tokenizer_info");
  assert.deepEqual([info.body.bos_token, info.body.eos_token], ["<s>", "</s>"]);
});

test("models and properties", async () => {
  const { data } = await client.models.list();
  assert.deepEqual([data.length, data[0]!.id, data[0]!.owned_by], [1, "demo", "llama-ts"]);
  assert.equal((await client.models.retrieve("demo")).id, "demo");
  await assert.rejects(client.models.retrieve("a/b"), OpenAI.NotFoundError);
  const { body } = await server.json("/props");
  assert.equal(body.default_generation_settings.n_ctx, llama.maxSeqLen);
  assert.equal(body.deterministic, true);
});

test("--hidden_bos puts a token before ids that is not reported, so that the first has a log-probability", async () => {
  const hidden = await startServer(["--log_format", "none", "--nproc_per_node", "1", "--hidden_bos"]);
  const [bos, ...ids] = llama.tokenizer.encode(PROMPT, { bos: true });
  const params = { max_tokens: 1, temperature: 0, logprobs: 1, echo: true };
  const { body } = await hidden.json("/v1/completions", { prompt: ids, ...params });
  const whole = await client.completions.create({ model: "demo", prompt: [bos!, ...ids], ...params });
  const { logprobs, text } = body.choices[0];
  assert.deepEqual(logprobs.token_logprobs, whole.choices[0]!.logprobs!.token_logprobs!.slice(1));
  assert.deepEqual([text, body.usage.prompt_tokens], [whole.choices[0]!.text, ids.length]);
});

lastly(() => llama.close());
