/** Answers as the ids they were: out of the server with each event, and back into it; answers to continue. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { demoModel, Llama } from "../../src/index.js";
import { lastly } from "../lastly.js";
import { readEvents } from "./read-events.js";
import { startServer } from "./server-process.js";

const [server, llama] = await Promise.all([
  startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--system", "Be brief."]),
  Llama.build({ ...demoModel, nprocPerNode: 1 }),
]);

const user = (content: string) => ({ role: "user" as const, content });
const system = { role: "system" as const, content: "Be brief." };
const CHAT = "/v1/chat/completions";

test("every event of a stream has the ids that are new with it; together they are those of the whole answer", async () => {
  const stop = llama.tokenizer.eosId!;
  for (const more of [
    { max_tokens: 12 },
    // Characters of several tokens, a stop string in the middle of the text, a stop token.
    { max_tokens: 12, logit_bias: { [llama.tokenizer.encode("é").at(-1)!]: 100 } },
    { max_tokens: 40, stop: " the" },
    { max_tokens: 5, logit_bias: { [stop]: 100 } },
  ]) {
    const request = { temperature: 0, return_token_ids: true, ...more };
    for (const [path, body] of [
      [CHAT, { ...request, messages: [user("Tell a story")] }],
      ["/v1/completions", { ...request, prompt: "Once upon a time" }],
    ] as const) {
      const whole = (await server.json(path, body)).body.choices[0];
      const events = await readEvents(server, path, { ...body, stream: true });
      const choices = events.map(({ choices: [one] }) => one);
      assert.deepEqual(
        choices.flatMap((one) => one.token_ids ?? []),
        whole.token_ids,
        JSON.stringify(body),
      );
      assert.deepEqual(choices.at(-1).prompt_token_ids, whole.prompt_token_ids);
      for (const { token_ids: ids, text, delta } of choices.slice(1, -1)) {
        assert.ok(ids.length > 0 || (text ?? delta.content) === "", JSON.stringify(body));
      }
    }
  }
});

test("timings_per_token: each event has the times so far", async () => {
  const body = { prompt: "Once", max_tokens: 6, stream: true, timings_per_token: true };
  for (const [path, request] of [
    ["/v1/completions", body],
    [CHAT, { ...body, prompt: undefined, messages: [user("Hi")] }],
  ] as const) {
    const events = await readEvents(server, path, request);
    const counts = events.flatMap(({ timings }) => timings?.predicted_n ?? []);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    assert.deepEqual([counts[0], counts.at(-1)], [1, 6]);
    assert.ok(events.every(({ timings }) => !timings || timings.prompt_ms > 0));
  }
});

test("an answer given by its ids is seen as these ids, and found in the KV cache to its last token", async () => {
  const base = { temperature: 0, max_tokens: 8, return_token_ids: true };
  const first = await server.json(CHAT, { ...base, messages: [user("Tell a story")] });
  const [{ message, token_ids: ids, prompt_token_ids: prompt }] = first.body.choices;
  const said = [user("Tell a story"), { ...message, token_ids: ids }, user("More")];
  const second = await server.json(CHAT, { ...base, messages: said });
  const [choice] = second.body.choices;
  assert.deepEqual(choice.prompt_token_ids.slice(0, prompt.length + ids.length), [...prompt, ...ids]);
  // The last token of an answer has not been through the model.
  assert.ok(second.body.usage.prompt_tokens_details.cached_tokens >= prompt.length + ids.length - 1);
  const { body } = await server.json("/apply-template", { messages: said });
  assert.deepEqual(body.tokens, choice.prompt_token_ids);
  const named = await server.json("/tokenize", { messages: [said[0], { role: "assistant", token_ids: ids }, said[2]] });
  assert.deepEqual(named.body.tokens, body.tokens);
});

test("an answer is continued where it was cut", async () => {
  const base = { temperature: 0, return_token_ids: true };
  const whole = (await server.json(CHAT, { ...base, max_tokens: 12, messages: [user("Hi")] })).body.choices[0];
  const part = (await server.json(CHAT, { ...base, max_tokens: 5, messages: [user("Hi")] })).body.choices[0];
  const cut = { role: "assistant", token_ids: part.token_ids };
  const request = { ...base, max_tokens: 7, messages: [user("Hi"), cut], continue_final_message: true };
  const rest = (await server.json(CHAT, request)).body.choices[0];
  assert.deepEqual([...part.token_ids, ...rest.token_ids], whole.token_ids);
  assert.equal(part.message.content + rest.message.content, whole.message.content);
  const { body } = await server.json("/apply-template", { messages: request.messages, continue_final_message: true });
  assert.deepEqual(body.tokens, rest.prompt_token_ids);
  const closed = await server.json("/apply-template", { messages: request.messages, add_generation_prompt: false });
  assert.equal(closed.body.tokens.at(-1), llama.tokenizer.eosId);
});

test("the tokens of a template continued as a text, with its stop tokens, are the answer of the chat", async () => {
  const base = { temperature: 0, max_tokens: 10, return_token_ids: true };
  const { body } = await server.json("/apply-template", { messages: [user("Hi")] });
  assert.deepEqual(body.stop_token_ids, []);
  const chat = (await server.json(CHAT, { ...base, messages: [user("Hi")] })).body.choices[0];
  const text = (await server.json("/v1/completions", { ...base, prompt: body.tokens })).body.choices[0];
  assert.deepEqual([text.text, text.token_ids], [chat.message.content, chat.token_ids]);
  const stop = chat.token_ids[4];
  const request = { ...base, prompt: body.tokens, stop_token_ids: [stop] };
  const cut = (await server.json("/v1/completions", request)).body.choices[0];
  assert.deepEqual([cut.finish_reason, cut.stop_reason], ["stop", stop]);
  assert.deepEqual(cut.token_ids, chat.token_ids.slice(0, chat.token_ids.indexOf(stop)));
});

test("what cannot be continued or has foreign ids is refused by its place in the request", async () => {
  const answer = { role: "assistant", content: "Once", token_ids: [1] };
  for (const [body, param] of [
    [{ messages: [user("Hi")], continue_final_message: true }, "messages[0].role"],
    [{ messages: [user("Hi"), answer] }, "messages[1].token_ids"],
    [{ messages: [user("Hi"), { ...answer, token_ids: [5000] }] }, "messages[1].token_ids"],
    [{ messages: [user("Hi"), { ...answer, token_ids: ["1"] }] }, "messages[1].token_ids"],
    [{ messages: [{ role: "user", token_ids: [5] }] }, "messages[0].token_ids"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [
      { messages: [user("Hi"), answer], continue_final_message: true, add_generation_prompt: true },
      "continue_final_message",
    ],
  ] as const) {
    for (const path of [CHAT, "/tokenize", "/apply-template"]) {
      const { status, body: found } = await server.json(path, body);
      assert.deepEqual([status, found.error?.param], [400, param], JSON.stringify(body));
    }
  }
  const long = { role: "assistant", token_ids: Array(600).fill(5) };
  const { body } = await server.json(CHAT, { messages: [system, user("Hi"), long, user("More")] });
  assert.equal(body.error.code, "context_length_exceeded");
});

lastly(() => llama.close());
