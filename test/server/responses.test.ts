/** /v1/responses, asked by OpenAI's own client: the texts of chats in the objects and events of the newer API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { startServer, untilCounts } from "./server-process.js";

const server = await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1"]);
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
const LOGPROBS = { include: ["message.output_text.logprobs" as const], top_logprobs: 2 };
const base = { model: "demo", temperature: 0, max_output_tokens: 10 };

/** The chat's answer to the same messages. */
async function chat(messages: OpenAI.ChatCompletionMessageParam[], more: object = {}) {
  const params = { model: "demo", messages, temperature: 0, max_tokens: 10, logprobs: true, top_logprobs: 2, ...more };
  const { choices, usage } = await client.chat.completions.create(params);
  return { ...choices[0]!, usage: usage! };
}

test("a text, messages and instructions get the chat's answer, with its numbers", async () => {
  const own = await chat([{ role: "user", content: "Tell a story" }]);
  const response = await client.responses.create({ ...base, ...LOGPROBS, input: "Tell a story" });
  assert.equal(response.output_text, own.message.content);
  assert.deepEqual([response.status, response.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
  assert.equal(response.usage?.input_tokens, own.usage.prompt_tokens);
  assert.equal(response.usage?.output_tokens, 10);
  const [message] = response.output as [OpenAI.Responses.ResponseOutputMessage];
  const [part] = message.content as [OpenAI.Responses.ResponseOutputText];
  const right = own.logprobs!.content!;
  assert.deepEqual(
    part.logprobs!.map(({ token, bytes }) => ({ token, bytes })),
    right.map(({ token, bytes }) => ({ token, bytes })),
  );
  for (const [i, { logprob, top_logprobs: top }] of part.logprobs!.entries()) {
    // The second prompt continues in the KV cache of the first: the last bits of its numbers are others.
    assert.ok(Math.abs(logprob - right[i]!.logprob) < 1e-4);
    assert.equal(top.length, 2);
  }
  assert.match(response.id, /^resp_\w{24}$/);
  assert.match(message.id, /^msg_\w{24}$/);

  // The output of one answer is input of the next.
  const input: OpenAI.Responses.ResponseInput = [
    { role: "user", content: [{ type: "input_text", text: "Tell a story" }] },
    message,
    { role: "user", content: "More" },
  ];
  const next = await client.responses.create({ ...base, instructions: "Be brief", input });
  const more = await chat([
    { role: "system", content: "Be brief" },
    { role: "user", content: "Tell a story" },
    { role: "assistant", content: response.output_text },
    { role: "user", content: "More" },
  ]);
  assert.deepEqual([next.output_text, next.instructions], [more.message.content, "Be brief"]);
  assert.equal(next.usage?.input_tokens, more.usage.prompt_tokens);
});

test("a stream has numbered events in OpenAI's order, and its client builds the whole answer from them", async () => {
  const params = { ...base, ...LOGPROBS, input: "Tell a story" };
  const whole = await client.responses.create(params);
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of await client.responses.create({ ...params, stream: true })) events.push(event);
  assert.deepEqual(
    events.map(({ sequence_number: number }) => number),
    events.map((_, i) => i),
  );
  const types = events.map(({ type }) => type);
  assert.deepEqual(
    types.filter((type, i) => type !== types[i - 1]),
    [
      ...["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"],
      ...["response.output_text.delta", "response.output_text.done", "response.content_part.done"],
      ...["response.output_item.done", "response.incomplete"],
    ],
  );
  const deltas = events.filter((event) => event.type === "response.output_text.delta");
  assert.equal(deltas.map(({ delta }) => delta).join(""), whole.output_text);
  const last = events.at(-1) as OpenAI.Responses.ResponseIncompleteEvent;
  const logprobs = (last.response.output as [OpenAI.Responses.ResponseOutputMessage])[0].content;
  assert.deepEqual(logprobs, (whole.output as [OpenAI.Responses.ResponseOutputMessage])[0].content);
  const built = await client.responses.stream(params).finalResponse();
  assert.equal(built.output_text, whole.output_text);

  const stop = (await server.json("/tokenize", { content: "</s>" })).body.tokens.at(-1) as number;
  const ended = { ...params, logit_bias: { [stop]: 100 }, stream: true } as const;
  let final: OpenAI.Responses.Response | null = null;
  for await (const event of await client.responses.create(ended)) {
    if (event.type === "response.completed") final = event.response;
  }
  assert.deepEqual([final?.status, final?.output_text, final?.usage?.output_tokens], ["completed", undefined, 1]);
});

test("a client that leaves a stream ends its request", async () => {
  const stream = await client.responses.create({ model: "demo", input: "Hi", stream: true, ...{ ignore_eos: true } });
  for await (const event of stream) if (event.type === "response.output_text.delta") break;
  await untilCounts(server, ({ running }) => running <= 0);
});

test("what this server does not do is refused by name", async () => {
  const user = { role: "user", content: "Hi" };
  for (const [body, param] of [
    [{}, "input"],
    [{ input: [] }, "input"],
    [{ input: 5 }, "input"],
    [{ input: [user, { role: "robot", content: "Hi" }] }, "input[1].role"],
    [{ input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] }, "input[0].content[0]"],
    [{ input: [user, { type: "computer_call", call_id: "1" }] }, "input[1]"],
    [{ input: [user, { type: "function_call", call_id: "1", name: "a" }] }, "input[1].arguments"],
    [{ input: [user, { type: "function_call", call_id: "1", name: "a", arguments: "{}" }] }, "input[1].tool_calls"],
    [{ input: [user, { role: "user", content: "Hi" }] }, "input"],
    [{ input: "Hi", previous_response_id: "resp_1" }, "previous_response_id"],
    [{ input: "Hi", conversation: "c" }, "conversation"],
    [{ input: "Hi", background: true }, "background"],
    [{ input: "Hi", truncation: "auto" }, "truncation"],
    [{ input: "Hi", tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ input: "Hi", tools: [{ type: "function", name: "f" }] }, "tools"],
    [{ input: "Hi", text: { format: { type: "yaml" } } }, "text.format.type"],
    [{ input: "Hi", text: { format: { type: "json_schema", name: "a" } } }, "text.format.schema"],
    [{ input: "Hi", response_format: { type: "json_object" } }, "response_format"],
    [{ input: "Hi", top_logprobs: 1 }, "top_logprobs"],
    [{ input: "Hi", include: ["all"] }, "include[0]"],
    [{ input: "Hi", prompt: { id: "p" } }, "prompt"],
    [{ input: "a ".repeat(9000) }, "input"],
  ] as const) {
    const { status, body: found } = await server.json("/v1/responses", body);
    assert.deepEqual([status, found.error?.param], [400, param], JSON.stringify(body).slice(0, 200));
  }
  const passing = { store: true, tools: [], background: false, truncation: "disabled", reasoning: { effort: "low" } };
  const plain = {
    text: { format: { type: "text" } },
    previous_response_id: null,
    include: ["reasoning.encrypted_content"],
  };
  const { status } = await server.json("/v1/responses", { input: "Hi", max_output_tokens: 1, ...passing, ...plain });
  assert.equal(status, 200);
  await assert.rejects(client.responses.retrieve("resp_1"), OpenAI.NotFoundError);
});
