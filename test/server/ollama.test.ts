/** ollama's routes, asked by its own client: list, show, chat, generate, errors as text; the texts are those of the other routes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ollama } from "ollama";
import { startServer } from "./server-process.js";

const args = ["--log_format", "none", "--nproc_per_node", "1"];
const [server, plain, lines] = await Promise.all([
  startServer([...args, "--chat", "llama2", "--model_alias", "tiny:1b"]),
  startServer(args),
  startServer([...args, "--chat", "text"]),
]);
const client = new Ollama({ host: server.url });
const model = "demo";
const greedy = { temperature: 0, num_predict: 10 };
const user = (content: string) => ({ role: "user", content });

/** The answer of /v1/chat/completions to the same messages. */
async function chat(messages: object[], more: object = {}) {
  const request = { messages, temperature: 0, max_tokens: 10, return_token_ids: true, ...more };
  const { body } = await server.json("/v1/chat/completions", request);
  return { ...body.choices[0], text: body.choices[0].message.content as string };
}

test("the model is listed, running and described under its name with a tag", async () => {
  const [{ models }, running, { body: version }] = await Promise.all([
    client.list(),
    client.ps(),
    server.json("/api/version"),
  ]);
  assert.deepEqual(
    [...models, ...running.models].map(({ name, details }) => [name, details.family, details.quantization_level]),
    Array(2).fill(["demo:latest", "llama", "FP32"]),
  );
  assert.match(models[0]!.digest, /^[0-9a-f]{64}$/);
  assert.ok(models[0]!.size > 1e6 && running.models[0]!.size_vram === 0);
  assert.match(version.version, /^\d+\.\d+\.\d+$/);
  for (const name of ["demo", "demo:latest", "tiny:1b"]) {
    const shown = await client.show({ model: name });
    assert.deepEqual(shown.capabilities, ["completion"]);
    assert.equal((shown.model_info as unknown as Record<string, unknown>)["llama.context_length"], 512);
  }
});

test("a chat gets the answer of the other routes, streamed and whole", async () => {
  const messages = [{ role: "system", content: "Be brief." }, user("Tell a story")];
  const own = await chat(messages);
  const whole = await client.chat({ model, messages, options: greedy });
  assert.deepEqual([whole.message.content, whole.done_reason], [own.text, "length"]);
  assert.deepEqual([whole.prompt_eval_count, whole.eval_count], [own.prompt_token_ids.length, 10]);
  assert.ok(whole.total_duration >= whole.eval_duration && Number.isInteger(whole.total_duration));
  let text = "";
  let ends = 0;
  for await (const part of await client.chat({ model, messages, options: greedy, stream: true })) {
    text += part.message.content;
    assert.equal(part.model, "demo:latest");
    if (part.done) ends++;
  }
  assert.deepEqual([text, ends], [own.text, 1]);
  // ollama continues an answer at the end.
  const cut = [...messages, { role: "assistant", content: own.text.slice(0, 8) }];
  const continued = await client.chat({ model, messages: cut, options: greedy });
  assert.equal(continued.message.content, (await chat(cut, { continue_final_message: true })).text);
});

test("generate answers a prompt in the chat format, and its context is accepted back", async () => {
  const first = await client.generate({ model, prompt: "Tell a story", system: "Be brief.", options: greedy });
  const messages = [{ role: "system", content: "Be brief." }, user("Tell a story")];
  const own = await chat(messages);
  assert.equal(first.response, own.text);
  assert.deepEqual(first.context, [...own.prompt_token_ids, ...own.token_ids]);
  const said = [...messages, { role: "assistant", token_ids: own.token_ids }, user("More")];
  const next = { model, prompt: "More", context: first.context, options: greedy };
  const second = await client.generate(next);
  const right = await chat(said);
  assert.equal(second.response, right.text);
  assert.deepEqual(second.context, [...right.prompt_token_ids, ...right.token_ids]);
  // The same system text is in it already; another one is not.
  assert.equal((await client.generate({ ...next, system: "Be brief." })).response, right.text);
  await assert.rejects(client.generate({ ...next, system: "Be long." }), /context begins without this system text/);
  await assert.rejects(
    client.generate({ ...next, context: [1, 5000] }),
    /context\[1\] is 5000, which is not a token id/,
  );
});

test("raw prompts and models without a chat format continue the text", async () => {
  const request = { prompt: "Once upon a time", temperature: 0, max_tokens: 10 };
  const { text } = (await server.json("/v1/completions", request)).body.choices[0];
  const raw = await client.generate({ model, prompt: request.prompt, raw: true, options: greedy });
  assert.deepEqual([raw.response, raw.context], [text, undefined]);
  await assert.rejects(client.generate({ model, prompt: "a", raw: true, system: "b" }), /raw mode does not support/);
  const base = new Ollama({ host: plain.url });
  let streamed = "";
  let context: number[] = [];
  for await (const part of await base.generate({ model, prompt: request.prompt, options: greedy, stream: true })) {
    streamed += part.response;
    context = part.context ?? context;
  }
  assert.equal(streamed, text);
  const next = await base.generate({ model, prompt: " and then", context, options: greedy });
  const longer = { ...request, prompt: `${request.prompt}${text} and then` };
  assert.equal(next.response, (await server.json("/v1/completions", longer)).body.choices[0].text);
  await assert.rejects(base.generate({ model, prompt: "a", system: "b" }), /has no chat format/);
  await assert.rejects(base.chat({ model, messages: [user("a")] }), /has no chat format/);
});

test("with --chat text messages and answers are lines of one text", async () => {
  const asLines = new Ollama({ host: lines.url });
  const request = { prompt: "Once upon a time", temperature: 0, max_tokens: 10 };
  const { text } = (await server.json("/v1/completions", request)).body.choices[0];
  const first = await asLines.chat({ model, messages: [user(request.prompt)], options: greedy });
  assert.equal(first.message.content, text);
  const { context } = await asLines.generate({ model, prompt: request.prompt, options: greedy });
  const next = await asLines.generate({ model, prompt: "The end", context, options: greedy });
  const messages = [user(request.prompt), { role: "assistant", token_ids: context!.slice(5) }, user("The end")];
  const { body } = await lines.json("/v1/chat/completions", { messages, temperature: 0, max_tokens: 10 });
  assert.equal(next.response, body.choices[0].message.content);
  assert.equal((await lines.json("/props")).body.chat_format, "text");
});

test("num_predict -1 and -2 mean as long as there is room; nothing to answer means load", async () => {
  const prompt = "Once upon a time";
  for (const count of [-1, -2]) {
    const options = { temperature: 0, num_predict: count, stop: ["."] };
    const { response = "", done_reason: reason } = await client.generate({ model, prompt, options });
    assert.ok(response.length > 20 && !response.includes("."));
    assert.equal(reason, "stop");
  }
  const loaded = await client.generate({ model, prompt: "", keep_alive: "5m" });
  assert.deepEqual([loaded.response, loaded.done, loaded.done_reason], ["", true, "load"]);
  const empty = await client.chat({ model, messages: [], stream: true });
  for await (const part of empty) assert.deepEqual([part.done, part.done_reason], [true, "load"]);
});

test("log-probabilities come with the tokens", async () => {
  const messages = [user("Tell a story")];
  const own = await chat(messages, { logprobs: true, top_logprobs: 2 });
  const request = { model, messages, options: greedy, logprobs: true, top_logprobs: 2 };
  const parts: { token: string; top_logprobs?: unknown[] }[] = [];
  for await (const part of await client.chat({ ...request, stream: true })) parts.push(...(part.logprobs ?? []));
  assert.deepEqual(
    parts.map(({ token }) => token),
    own.logprobs.content.map(({ token }: { token: string }) => token),
  );
  assert.ok(parts.every(({ top_logprobs: top }) => top?.length === 2));
  assert.deepEqual((await client.chat(request)).logprobs?.length, parts.length);
});

test("abort ends the request", async () => {
  const options = { num_predict: -1, stop: [] };
  const stream = await client.generate({ model, prompt: "Once", raw: true, options, stream: true });
  await assert.rejects(async () => {
    for await (const _ of stream) stream.abort();
  }, /abort/i);
  while ((await server.counts()).running > 0) await new Promise((done) => setTimeout(done, 5));
});

test("errors are texts with a status; what the server does not do is refused by name", async () => {
  for (const [path, body, status, text] of [
    ["/api/chat", { model: "other", messages: [user("a")] }, 404, /model 'other' not found: .* demo:latest/],
    ["/api/show", { model: "other" }, 404, /not found/],
    ["/api/generate", { model, prompt: "a", format: "yaml" }, 400, /^format must be "json" or a JSON Schema/],
    ["/api/generate", { model, prompt: "a", images: ["aGk="] }, 400, /^images is not supported/],
    ["/api/generate", { model, prompt: "a", suffix: "b" }, 400, /^suffix is not supported/],
    ["/api/generate", { model, prompt: "a", template: "{{ .Prompt }}" }, 400, /^template is not supported/],
    ["/api/generate", { model, prompt: "a", think: "high" }, 400, /^think is not supported/],
    ["/api/chat", { model, messages: [{ ...user("a"), images: ["aGk="] }] }, 400, /^messages\[0\]\.images is not/],
    ["/api/chat", { model, messages: [user("a")], tools: [{}] }, 400, /^tools: the chat format llama2 knows no tools/],
    ["/api/generate", { model, prompt: "a", options: { num_ctx: 513 } }, 400, /num_ctx is 513, .* 512 tokens/],
    ["/api/generate", { model, prompt: "a", options: { temperature: "hot" } }, 400, /^options\.temperature must be/],
    ["/api/generate", { model, prompt: "a", options: { mirostat: 2 } }, 400, /^options\.mirostat is not supported/],
    ["/api/generate", { model, prompt: "a", options: { num_predict: -3 } }, 400, /^options\.num_predict must be/],
    ["/api/generate", { model, prompt: "a", options: 5 }, 400, /^options must be an object/],
    ["/api/generate", { model, prompt: "a ".repeat(600) }, 400, /The prompt has \d+ tokens, and the context holds 512/],
    ["/api/generate", "{", 400, /not JSON/],
    ["/api/pull", { model }, 404, /runs one model/],
    ["/api/embed", { model, input: "a" }, 404, /no embeddings/],
    ["/api/nothing", {}, 404, /no such route/],
  ] as const) {
    const answer = await server.json(path, body);
    assert.equal(answer.status, status, JSON.stringify(body));
    assert.deepEqual(Object.keys(answer.body), ["error"]);
    assert.match(answer.body.error, text);
  }
  await assert.rejects(client.show({ model: "other" }), { name: "ResponseError", status_code: 404 });
  const passing = {
    format: "",
    images: [],
    tools: [],
    think: false,
    suffix: "",
    template: "",
    keep_alive: 0,
    novel: 1,
  };
  const options = { num_ctx: 512, num_thread: 4, repeat_last_n: 64, mirostat: 0, tfs_z: 1, num_predict: 1, other: 2 };
  const response = await fetch(`${server.url}/api/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: "a", ...passing, options }),
  });
  assert.equal(response.headers.get("x-llama-ts-ignored"), "novel, options.other");
  assert.match(response.headers.get("content-type")!, /^application\/x-ndjson/);
  const lines = (await response.text()).trim().split("\n");
  assert.equal(JSON.parse(lines.at(-1)!).done, true);
});
