/** Tools, asked by the clients of OpenAI and ollama: calls bound to their schemas, whole and as a stream, and their results taken back. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { temporaryFolder } from "../cli/cli-process.js";
import { LLAMA_FORM, TAG_FORM } from "../generation/tool-templates.js";
import { type Json, startServer } from "./server-process.js";

/** The demo model knows nothing of tools: all that makes its calls right is the form. */
const QUIET = ["--log_format", "none", "--nproc_per_node", "1", "--concurrency", "4"];

async function serverOf(template: string, ...more: string[]) {
  const file = join(temporaryFolder(), "template.jinja");
  writeFileSync(file, template);
  return startServer(["--chat", file, ...QUIET, ...more]);
}

const [tags, bare] = await Promise.all([serverOf(TAG_FORM), serverOf(LLAMA_FORM, "--max_seq_len", "2048")]);
const client = new OpenAI({ baseURL: `${tags.url}/v1`, apiKey: "none", maxRetries: 0 });

const CITIES = ["Bern", "Rome"];
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { enum: CITIES }, days: { type: "integer", minimum: 1, maximum: 9 } },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
} as const;
const CLOCK = { type: "function", function: { name: "clock" } } as const;
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Rain in Bern?" }];
const base = { model: "demo", messages, tools: [WEATHER, CLOCK] as Json[], max_tokens: 120, temperature: 1, seed: 1 };

/** Arguments as the schemas above have them. */
function assertCall({ name, arguments: json }: { name: string; arguments: string }): void {
  const value = JSON.parse(json);
  if (name === "clock") {
    assert.deepEqual(value, {});
    return;
  }
  assert.equal(name, "weather");
  assert.ok(CITIES.includes(value.city) && value.days >= 1 && value.days <= 9, json);
}

const functionOf = (call: OpenAI.ChatCompletionMessageToolCall) => (call as { function: Json }).function;

describe("tools", { concurrency: 4 }, () => {
  test("a call that is required comes, bound to its schema, whatever the model would write", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { choices } = await client.chat.completions.create({
        ...{ ...base, tool_choice: "required", parallel_tool_calls: false, seed },
      });
      const [{ message, finish_reason: reason }] = choices as [OpenAI.ChatCompletion.Choice];
      assert.deepEqual([message.content, reason, message.tool_calls?.length], [null, "tool_calls", 1]);
      assert.match(message.tool_calls![0]!.id, /^call_\w{24}$/);
      assertCall(functionOf(message.tool_calls![0]!));
    }
  });

  test("a stream brings the same calls: name and id first, then arguments in pieces", async () => {
    const params = { ...base, tool_choice: "required", seed: 3 } as const;
    const whole = await client.chat.completions.create(params);
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    const built = client.chat.completions.stream(params);
    for await (const chunk of built) chunks.push(chunk);
    const calls = (found: OpenAI.ChatCompletion) => found.choices[0]!.message.tool_calls!.map(functionOf);
    const shown = (found: OpenAI.ChatCompletion) => calls(found).map(({ name, arguments: json }) => [name, json]);
    assert.deepEqual(shown(await built.finalChatCompletion()), shown(whole));
    const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    const begins = deltas.filter(({ id }) => id !== undefined);
    assert.deepEqual(
      begins.map(({ index, type, function: own }) => [index, type, own?.name, own?.arguments]),
      calls(whole).map(({ name }, i) => [i, "function", name, ""]),
    );
    assert.ok(deltas.length > 2 * begins.length, `${deltas.length} pieces`);
    assert.equal(chunks.at(-1)!.choices[0]!.finish_reason, whole.choices[0]!.finish_reason);
  });

  test("two steps: a call, its result, and a text; a named tool and no tool", async () => {
    const first = await client.chat.completions.create({
      ...{ ...base, tool_choice: { type: "function", function: { name: "weather" } } },
    });
    const { message, finish_reason: reason } = first.choices[0]!;
    assert.deepEqual([reason, functionOf(message.tool_calls![0]!).name], ["tool_calls", "weather"]);
    const result = { role: "tool", tool_call_id: message.tool_calls![0]!.id, content: "It rains." } as const;
    // The client sends the message as it has come.
    const dialog = [...messages, message, result] as OpenAI.ChatCompletionMessageParam[];
    const second = await client.chat.completions.create({ ...base, messages: dialog, max_tokens: 20 });
    assert.ok(second.usage!.prompt_tokens > first.usage!.prompt_tokens + 20);
    const none = await client.chat.completions.create({
      ...base,
      messages: dialog,
      tool_choice: "none",
      max_tokens: 8,
    });
    assert.equal(none.usage!.prompt_tokens, second.usage!.prompt_tokens);
    assert.equal(none.choices[0]!.message.tool_calls, undefined);
    assert.equal(typeof none.choices[0]!.message.content, "string");
  });

  test("a text is free with auto, and a call is bound once it has begun", async () => {
    const text = await client.chat.completions.create({ ...base, max_tokens: 20, temperature: 0 });
    assert.equal(text.choices[0]!.finish_reason, "length");
    assert.ok(text.choices[0]!.message.content!.length > 10);
    // The first token of the tag is made likely.
    const { body } = await tags.json("/tokenize", { content: "<" });
    const bias = Object.fromEntries((body.tokens as number[]).map((id) => [id, 100]));
    const found = await client.chat.completions.create({ ...base, logit_bias: bias, max_tokens: 4 });
    assert.equal(found.choices[0]!.finish_reason, "length");
  });

  test("an answer that ends early has the arguments so far", async () => {
    const choice = { type: "function", function: { name: "weather" } } as const;
    const { choices } = await client.chat.completions.create({ ...base, tool_choice: choice, max_tokens: 36 });
    const [{ message, finish_reason: reason }] = choices as [OpenAI.ChatCompletion.Choice];
    assert.equal(reason, "length");
    assert.equal((choices[0] as Json).form_complete, false);
    const whole = await client.chat.completions.create({ ...base, tool_choice: choice });
    const [one, other] = [message, whole.choices[0]!.message].map(({ tool_calls: [call] = [] }) => call);
    if (one) assert.ok(functionOf(other!).arguments.startsWith(functionOf(one).arguments));
  });

  test("without tags a call is the whole answer", async () => {
    const own = new OpenAI({ baseURL: `${bare.url}/v1`, apiKey: "none", maxRetries: 0 });
    for (const seed of [1, 2]) {
      const { choices } = await own.chat.completions.create({ ...base, tool_choice: "required", seed });
      const { message, finish_reason: reason } = choices[0]!;
      assert.deepEqual([reason, message.tool_calls?.length, message.content], ["tool_calls", 1, null]);
      assertCall(functionOf(message.tool_calls![0]!));
      const result = { role: "tool", tool_call_id: message.tool_calls![0]!.id, content: "It rains." } as const;
      const dialog = [...messages, message, result] as OpenAI.ChatCompletionMessageParam[];
      const text = await own.chat.completions.create({ ...base, messages: dialog, max_tokens: 8 });
      assert.equal(typeof text.choices[0]!.message.content, "string");
    }
  });

  test("/v1/responses: a call is an item, as a stream too, and is taken back with its output", async () => {
    const tools = [{ ...WEATHER.function, type: "function" as const, strict: true }];
    const params = { model: "demo", input: "Rain in Bern?", tools, tool_choice: "required", temperature: 1 } as const;
    const limits = { max_output_tokens: 120, ...{ seed: 2 } };
    const whole = await client.responses.create({ ...params, ...limits, parallel_tool_calls: false });
    const [call] = whole.output as [OpenAI.Responses.ResponseFunctionToolCall];
    assert.deepEqual(
      [whole.status, whole.output.length, call.type, whole.output_text],
      ["completed", 1, "function_call", ""],
    );
    assertCall(call);
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    const stream = client.responses.stream({ ...params, ...limits, parallel_tool_calls: false });
    for await (const event of stream) events.push(event);
    const types = events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    assert.deepEqual(types, [
      ...["response.created", "response.in_progress", "response.output_item.added"],
      ...["response.function_call_arguments.delta", "response.function_call_arguments.done"],
      ...["response.output_item.done", "response.completed"],
    ]);
    const [built] = (await stream.finalResponse()).output as unknown as [OpenAI.Responses.ResponseFunctionToolCall];
    assert.deepEqual([built.name, built.arguments], [call.name, call.arguments]);
    const input: OpenAI.Responses.ResponseInput = [
      ...[{ role: "user" as const, content: "Rain in Bern?" }, call],
      { type: "function_call_output", call_id: call.call_id, output: "It rains." },
    ];
    const text = await client.responses.create({ model: "demo", input, tools, max_output_tokens: 8 });
    assert.ok(text.output_text.length > 0);
    assert.ok(text.usage!.input_tokens > whole.usage!.input_tokens);
  });

  test("ollama's chat: a call has its arguments as an object, and the model says that it has tools", async () => {
    const ollama = new Ollama({ host: tags.url });
    assert.deepEqual((await ollama.show({ model: "demo" })).capabilities, ["completion", "tools"]);
    const answer = await ollama.chat({
      model: "demo",
      messages: messages as Json[],
      tools: base.tools,
      options: { num_predict: 8 },
    });
    assert.equal(typeof answer.message.content, "string");
    const dialog = [
      ...messages,
      { role: "assistant", content: "", tool_calls: [{ function: { name: "weather", arguments: { city: "Bern" } } }] },
      { role: "tool", tool_name: "weather", content: "It rains." },
    ] as Json[];
    const text = await ollama.chat({ model: "demo", messages: dialog, tools: base.tools, options: { num_predict: 8 } });
    assert.ok(text.prompt_eval_count > answer.prompt_eval_count + 20);
  });

  test("/apply-template and /tokenize write tools and calls as an answer would have them", async () => {
    const { body } = await tags.json("/apply-template", { messages, tools: [CLOCK] });
    const clock = { type: "function", function: { name: "clock", parameters: { type: "object", properties: {} } } };
    // As Python writes JSON.
    const written = JSON.stringify(clock).replaceAll(/([:,])/g, "$1 ");
    assert.ok(body.prompt.includes(`<tools>\n${written}\n</tools>`), body.prompt);
    const counted = await tags.json("/tokenize", { messages, tools: [CLOCK] });
    assert.deepEqual(counted.body.tokens, body.tokens);
    const asked = await client.chat.completions.create({ model: "demo", messages, tools: [CLOCK], max_tokens: 1 });
    assert.equal(asked.usage!.prompt_tokens, counted.body.count);
  });

  test("what is wrong with tools is said with its place", async () => {
    const unique = {
      ...WEATHER.function,
      parameters: { type: "object", properties: { a: { not: {} } } },
      strict: true,
    };
    for (const [body, param, pattern] of [
      [{ tools: [{ type: "web_search" }] }, "tools[0].type", /functions only/],
      [{ tools: [{ type: "function", function: { name: "a b" } }] }, "tools[0].function.name", /letters, digits/],
      [
        { tools: [{ type: "function", function: unique }] },
        "tools[0].function.parameters",
        /#\/properties\/a\/not: not is not supported/,
      ],
      [{ tool_choice: { type: "function", function: { name: "other" } } }, "tool_choice", /no such tool/],
      [{ tool_choice: "always" }, "tool_choice", /none, auto, required/],
      [{ tools: [], tool_choice: "required" }, "tool_choice", /needs tools/],
      [{ tool_choice: "required", response_format: { type: "json_object" } }, "response_format", /exclude each other/],
      [{ continue_final_message: true }, "tools", /an answer that begins/],
      [{ functions: [{ name: "a" }] }, "functions", /old form/],
      [{ messages: [...messages, { role: "assistant", tool_calls: [{}] }] }, "messages[1].tool_calls", /function/],
    ] as [Json, string, RegExp][]) {
      const { status, body: found } = await tags.json("/v1/chat/completions", { ...base, ...body });
      assert.deepEqual([status, found.error?.param], [400, param], JSON.stringify(found));
      assert.match(found.error.message, pattern);
    }
  });
});
