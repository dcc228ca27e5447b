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
    const { status, body } = await server.json(path, {});
    assert.equal(status, 400);
    assert.ok(Value.Check(document.components.schemas.Error, body), path);
    assert.ok(responses[status]);
  }
  for (const path of ["/health", "/v1/models", "/slots"]) {
    const { body } = await server.json(path);
    assert.deepEqual(
      Value.Errors(document.paths[path].get.responses[200].content["application/json"].schema, body),
      [],
    );
  }
});
