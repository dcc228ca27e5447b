/** The OpenAPI document has every route, and real answers have the forms it says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { startServer } from "./server-process.js";

const server = await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1"]);
const { body: document } = await server.json("/openapi.json");

test("every route of /props is in the document", async () => {
  const { body } = await server.json("/props");
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
  );
  assert.deepEqual(listed.sort(), body.endpoints.sort());
  assert.equal(document.openapi, "3.1.0");
});

test("answers and errors have the documented forms", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const bodies: Record<string, unknown[]> = {
    "/v1/completions": [
      { prompt: "Once", max_tokens: 3, logprobs: 2, echo: true, n: 2 },
      { prompt: [[1, 416]], max_tokens: 1, logprobs: 2, return_token_ids: true },
    ],
    "/v1/chat/completions": [
      { messages, max_tokens: 3, logprobs: true, top_logprobs: 1 },
      { messages, max_tokens: 1 },
    ],
    "/v1/responses": [
      { input: "Hi", max_output_tokens: 2, include: ["message.output_text.logprobs"], top_logprobs: 1 },
      { input: messages, instructions: "Be brief", max_output_tokens: 1 },
    ],
    "/api/generate": [
      { prompt: "Hi", stream: false, logprobs: true, top_logprobs: 1, options: { num_predict: 2 } },
      { prompt: "" },
    ],
    "/api/chat": [{ messages, stream: false, options: { num_predict: 1 } }, { messages: [] }],
    "/api/show": [{ model: "demo" }],
    "/tokenize": [
      { prompt: "é", return_token_strs: true },
      { content: "é", with_pieces: true },
    ],
    "/detokenize": [{ tokens: [1, 416] }],
    "/apply-template": [{ messages }],
  };
  for (const [path, sent] of Object.entries(bodies)) {
    const { responses, requestBody } = document.paths[path].post;
    const schema = responses[200].content["application/json"].schema;
    const request = requestBody.content["application/json"].schema;
    for (const one of sent) {
      assert.ok(Value.Check(request, one), `${path} ${JSON.stringify(one)}`);
      const { status, body } = await server.json(path, one);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(Value.Errors(schema, body), [], path);
    }
    const { status, body } = await server.json(path, { model: 5 });
    assert.equal(status, 400);
    const [, name = ""] = /(\w+)$/.exec(responses[status].content["application/json"].schema.$ref)!;
    assert.ok(Value.Check(document.components.schemas[name], body), path);
  }
  for (const path of ["/health", "/v1/models", "/slots", "/api/version", "/api/tags", "/api/ps"]) {
    const { body } = await server.json(path);
    assert.deepEqual(
      Value.Errors(document.paths[path].get.responses[200].content["application/json"].schema, body),
      [],
    );
  }
});

test("the document has the rules between fields, and what it refuses is refused", async () => {
  const context = [2048];
  const bodies: Record<string, [good: unknown, bad: unknown][]> = {
    "/v1/completions": [
      [
        { prompt: "a", max_tokens: 1, stream_options: null },
        { prompt: "a", max_tokens: 1, stream_options: {} },
      ],
      [
        { prompt: "", max_tokens: 1 },
        { prompt: "", max_tokens: 1, add_special_tokens: false },
      ],
      [
        { prompt: [[2047]], max_tokens: 1 },
        { prompt: [[2048]], max_tokens: 1 },
      ],
    ],
    "/v1/chat/completions": [
      [
        { messages: [{ role: "user", content: "a" }], max_tokens: 1, logprobs: true, top_logprobs: 1 },
        { messages: [{ role: "user", content: "a" }], max_tokens: 1, top_logprobs: 1 },
      ],
    ],
    "/api/generate": [
      [
        { prompt: "a", raw: true, system: "", stream: false, options: { num_predict: 1 } },
        { prompt: "a", raw: true, system: "b", stream: false },
      ],
      [
        { prompt: "", top_logprobs: 0 },
        { prompt: "", top_logprobs: 1 },
      ],
      [{ prompt: "" }, { prompt: "", context }],
    ],
    "/tokenize": [[{ content: "a" }, { content: "a", prompt: "b" }]],
    "/detokenize": [[{ tokens: [0] }, { tokens: [2048] }]],
  };
  // The document of a model that is loaded knows its tokens.
  const { body: loaded } = await server.json("/openapi.json");
  for (const [path, pairs] of Object.entries(bodies)) {
    const { schema } = loaded.paths[path].post.requestBody.content["application/json"];
    for (const [good, bad] of pairs) {
      for (const [body, status] of [
        [good, 200],
        [bad, 400],
      ] as const) {
        assert.equal(Value.Check(schema, body), status === 200, `${path} ${JSON.stringify(body)}`);
        assert.equal((await server.json(path, body)).status, status, `${path} ${JSON.stringify(body)}`);
      }
    }
  }
});
