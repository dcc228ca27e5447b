/** Helpers of other people's clients that bind answers to schemas or run tools: of OpenAI, the AI SDK and LangChain, against the real server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { run, temporaryFolder } from "../cli/cli-process.js";
import { TAG_FORM } from "../generation/tool-templates.js";
import { lastly } from "../lastly.js";
import { type Json, startServer } from "../server/server-process.js";
import { CLIENTS, npmClient, pythonTool, SKIP } from "./installed.js";

const openai = await npmClient("openai");
const zodHelpers = await npmClient("openai/helpers/zod");
const { z } = (await npmClient("zod")) ?? {};
const ai = await npmClient("ai");
const compatible = await npmClient("@ai-sdk/openai-compatible");
const langchain = await npmClient("@langchain/openai");
const python = pythonTool("python");
const skip = !openai && SKIP;
const template = skip ? "" : join(temporaryFolder(), "template.jinja");
if (!skip) writeFileSync(template, TAG_FORM);
const args = ["--log_format", "none", "--nproc_per_node", "1", "--concurrency", "4", "--strict_fields"];
/** The demo model writes stories: what makes its answers right is the form. */
const server = skip ? null! : await startServer(["--chat", template, ...args]);
const baseURL = skip ? "" : `${server.url}/v1`;
const messages = [{ role: "user", content: "Tell me of a dog" }];

/** What the answers are asked to be. A list without a bound would have no end here. */
const Name = z?.enum(["Spot", "Rex"]);
const Dog = z?.object({
  name: Name,
  age: z.number().int().min(0).max(20),
  tags: z.array(z.enum(["big", "old"])).max(2),
});

describe("OpenAI's client", { skip }, () => {
  const client = openai && new openai.OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
  const base = { model: "demo", messages, temperature: 1, seed: 3, max_tokens: 200 };

  test("chat.completions.parse with zodResponseFormat, and responses.parse with zodTextFormat", async () => {
    const format = zodHelpers.zodResponseFormat(Dog, "dog");
    const { choices } = await client.chat.completions.parse({ ...base, response_format: format });
    Dog.parse(choices[0].message.parsed);
    const text = { format: zodHelpers.zodTextFormat(Dog, "dog") };
    const { max_tokens: max_output_tokens, messages: input, ...rest } = base;
    const response = await client.responses.parse({ ...rest, input, max_output_tokens, text });
    Dog.parse(response.output_parsed);
  });

  test("runTools calls the function, sends its result, and gets an answer", async () => {
    const called: Json[] = [];
    const tool = zodHelpers.zodFunction({
      name: "find_dog",
      parameters: z.object({ name: Name }),
      function: (args: Json) => {
        called.push(args);
        return "It sleeps.";
      },
    });
    const choice = { type: "function", function: { name: "find_dog" } };
    const runner = client.chat.completions.runTools({ ...base, tools: [tool], tool_choice: choice });
    await runner.done();
    assert.equal(called.length, 1);
    assert.ok(["Spot", "Rex"].includes(called[0].name));
    assert.deepEqual(
      runner.messages.map(({ role }: { role: string }) => role),
      ["user", "assistant", "tool"],
    );
    const free = client.chat.completions.runTools({ ...base, tools: [tool], stop: ["."] });
    assert.equal(typeof (await free.finalContent()), "string");
  });
});

describe("the AI SDK", { skip }, () => {
  const provider = () => compatible.createOpenAICompatible({ name: "own", baseURL, supportsStructuredOutputs: true });
  const settings = () => ({ model: provider()("demo"), temperature: 1, seed: 5, maxOutputTokens: 200, maxRetries: 0 });

  test("generateObject and streamObject give objects of the schema", async () => {
    const { object, finishReason } = await ai.generateObject({ ...settings(), schema: Dog, prompt: "A dog" });
    Dog.parse(object);
    assert.equal(finishReason, "stop");
    const stream = ai.streamObject({ ...settings(), schema: Dog, prompt: "A dog" });
    let last: unknown;
    for await (const part of stream.partialObjectStream) last = part;
    assert.deepEqual(last, object);
  });

  test("generateText runs a tool and answers after it", async () => {
    const dog = ai.tool({ inputSchema: z.object({ name: Name }), execute: async () => "It sleeps." });
    const found = await ai.generateText({
      ...{ ...settings(), maxOutputTokens: 120, prompt: "Where is the dog?", tools: { dog } },
      stopWhen: ai.stepCountIs(2),
      prepareStep: ({ stepNumber }: { stepNumber: number }) => ({
        toolChoice: stepNumber === 0 ? { type: "tool", toolName: "dog" } : "none",
      }),
    });
    assert.deepEqual([found.steps.length, found.steps[0].finishReason], [2, "tool-calls"]);
    assert.ok(found.steps[0].toolResults.every(({ output }: Json) => output === "It sleeps."));
    assert.ok(found.text.length > 0);
  });
});

describe("LangChain", { skip }, () => {
  test("withStructuredOutput by schema and by a call, and bindTools", async () => {
    const { ChatOpenAI } = langchain;
    const model = new ChatOpenAI({
      ...{ model: "demo", apiKey: "none", maxRetries: 0, temperature: 1, maxTokens: 200 },
      ...{ configuration: { baseURL }, modelKwargs: { seed: 5 } },
    });
    for (const method of ["jsonSchema", "functionCalling"]) {
      Dog.parse(await model.withStructuredOutput(Dog, { method, name: "dog" }).invoke("A dog"));
    }
    const tool = { type: "function", function: { name: "find_dog", parameters: { type: "object", properties: {} } } };
    const answer = await model
      .bindTools([tool], { tool_choice: "any", parallel_tool_calls: false })
      .invoke("Where is it?");
    assert.equal(answer.tool_calls[0].name, "find_dog");
  });
});

test("openai in Python: parse with pydantic, vLLM's structured_outputs, a call in a stream", {
  skip: python === null && SKIP,
}, async () => {
  const { code, stdout, stderr } = await run(python!, [join(CLIENTS, "ask.py"), "forms", server.url, "none"], {
    timeout: 120_000,
  });
  assert.equal(code, 0, stderr);
  const found = JSON.parse(stdout.trim().split("\n").at(-1)!);
  Dog.parse(found.parsed);
  assert.match(found.bound, /^[a-c]{3}$/);
  assert.deepEqual([found.call.name, found.reason], ["find_dog", "tool_calls"]);
  assert.ok(["Spot", "Rex"].includes(JSON.parse(found.call.arguments).name));
});

lastly(() => server?.child.kill());
