/** Clients of other people from npm against the real server: Vercel's AI SDK and LangChain. That of OpenAI has tests of its own. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Json, startServer, untilIdle } from "../server/server-process.js";
import { npmClient, SKIP } from "./installed.js";

const ai = await npmClient("ai");
const compatible = await npmClient("@ai-sdk/openai-compatible");
const langchain = await npmClient("@langchain/openai");
const skip = !ai && SKIP;
const KEY = "a-key-of-the-tests";
const server = skip
  ? null!
  : await startServer(
      ["--chat", "llama2", "--concurrency", "4", "--log_format", "none", "--nproc_per_node", "1", "--strict_fields"],
      { env: { LLAMA_TS_API_KEY: KEY }, key: KEY },
    );

const QUESTION = [{ role: "user", content: "Tell me of a dog" }];

/** What a plain request gets. */
async function plain(max_tokens: number, seed = 5) {
  const { status, body } = await server.json("/v1/chat/completions", {
    ...{ messages: QUESTION, max_tokens, seed, temperature: 0.5 },
  });
  assert.equal(status, 200, JSON.stringify(body));
  return { text: body.choices[0].message.content as string, usage: body.usage };
}

describe("the AI SDK", { skip }, () => {
  const provider = (apiKey = KEY) =>
    compatible.createOpenAICompatible({ name: "own", baseURL: `${server.url}/v1`, apiKey, includeUsage: true });
  const params = { messages: QUESTION, maxOutputTokens: 24, seed: 5, temperature: 0.5, maxRetries: 0 };

  test("generateText: the text, the reason and the counts", async () => {
    const { text, usage } = await plain(24);
    const found = await ai.generateText({ ...params, model: provider()("demo") });
    assert.deepEqual([found.text, found.finishReason], [text, "length"]);
    assert.equal(found.usage.inputTokens, usage.prompt_tokens);
    assert.equal(found.usage.outputTokens, 24);
    assert.deepEqual(found.warnings, []);
  });

  test("streamText: the same text piece by piece, with the counts at the end", async () => {
    const { text } = await plain(24);
    const stream = ai.streamText({ ...params, model: provider()("demo") });
    const pieces: string[] = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    assert.equal(pieces.join(""), text);
    assert.ok(pieces.length > 5, `${pieces.length} pieces`);
    assert.deepEqual([await stream.finishReason, (await stream.usage).outputTokens], ["length", 24]);
  });

  test("a completion model continues text up to a stop string", async () => {
    const model = provider().completionModel("demo");
    const settings = { maxOutputTokens: 30, temperature: 0, maxRetries: 0, stopSequences: ["."] };
    const { text, finishReason } = await ai.generateText({ ...settings, model, prompt: "Once upon a time" });
    assert.equal(finishReason, "stop");
    assert.ok(text.length > 0 && !text.includes("."), text);
  });

  test("abortSignal ends the request in the server too", async () => {
    const control = new AbortController();
    const stream = ai.streamText({
      ...{ ...params, maxOutputTokens: 400, model: provider()("demo"), abortSignal: control.signal },
      onError() {},
    });
    for await (const _ of stream.textStream) control.abort();
    await untilIdle(server);
  });

  test("errors keep their status and their text", async () => {
    const ask = (more: object, key?: string) => ai.generateText({ ...params, model: provider(key)("demo"), ...more });
    const fails = (promise: Promise<unknown>): Promise<Json> =>
      promise.then(
        () => assert.fail("no error"),
        (error) => error,
      );
    const locked = await fails(ask({}, "wrong"));
    assert.deepEqual([locked.statusCode, locked.message], [401, "The API key is wrong"]);
    const missing = await fails(ask({ model: provider()("gpt-9") }));
    assert.deepEqual([missing.statusCode, missing.isRetryable], [404, false]);
    const tool = ai.tool({ inputSchema: ai.jsonSchema({ type: "object", properties: {} }) });
    const tools = await fails(ask({ tools: { look: tool } }));
    assert.match(tools.message, /tools: the chat format llama2 knows no tools/);
  });
});

describe("LangChain", { skip }, () => {
  const { ChatOpenAI, OpenAI } = langchain ?? {};
  const settings = (more: object) => ({
    ...{ model: "demo", apiKey: KEY, maxRetries: 0, temperature: 0.5, maxTokens: 24 },
    ...{ configuration: { baseURL: `${server.url}/v1` }, modelKwargs: { seed: 5 }, ...more },
  });

  test("invoke and stream: one text, with the counts", async () => {
    const { text, usage } = await plain(24);
    const model = new ChatOpenAI(settings({}));
    const whole = await model.invoke("Tell me of a dog");
    assert.equal(whole.content, text);
    assert.deepEqual(
      [whole.usage_metadata.input_tokens, whole.usage_metadata.output_tokens, whole.response_metadata.finish_reason],
      [usage.prompt_tokens, 24, "length"],
    );
    let streamed = "";
    let counted = 0;
    for await (const chunk of await model.stream("Tell me of a dog")) {
      streamed += chunk.content;
      counted += chunk.usage_metadata?.output_tokens ?? 0;
    }
    assert.deepEqual([streamed, counted], [text, 24]);
  });

  test("a batch of 20 gives 20 times the same text", async () => {
    const { text } = await plain(8);
    const model = new ChatOpenAI(settings({ maxTokens: 8 }));
    const answers = await model.batch(Array(20).fill("Tell me of a dog"));
    assert.deepEqual(new Set(answers.map(({ content }: { content: string }) => content)), new Set([text]));
    assert.equal(answers.length, 20);
  });

  test("logprobs of a chat, and a text model with best_of", async () => {
    const model = new ChatOpenAI(settings({ maxTokens: 3, logprobs: true, topLogprobs: 2 }));
    const { response_metadata } = await model.invoke("Tell me of a dog");
    assert.deepEqual(
      response_metadata.logprobs.content.map((one: { top_logprobs: unknown[] }) => one.top_logprobs.length),
      [2, 2, 2],
    );
    const text = new OpenAI(settings({ temperature: 0, maxTokens: 5, n: 1, bestOf: 2 }));
    assert.equal(await text.invoke("Once upon a time"), ", there was a little");
  });
});
