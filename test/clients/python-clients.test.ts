/** Clients of other people from PyPI against the real server: openai, litellm, llm, and the parser of Prometheus' own client. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { run, temporaryFolder } from "../cli/cli-process.js";
import { lastly } from "../lastly.js";
import { type Json, startServer, untilIdle } from "../server/server-process.js";
import { CLIENTS, pythonTool, SKIP } from "./installed.js";

const python = pythonTool("python");
const skip = python === null && SKIP;
const KEY = "a-key-of-the-tests";
const server = skip
  ? null!
  : await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1"], {
      env: { LLAMA_TS_API_KEY: KEY },
      key: KEY,
    });

async function ask(client: string, env: NodeJS.ProcessEnv = {}): Promise<Json> {
  const { code, stdout, stderr } = await run(python!, [join(CLIENTS, "ask.py"), client, server.url, KEY], {
    // litellm alone takes seconds to load.
    ...{ env, timeout: 120_000 },
  });
  assert.equal(code, 0, stderr);
  // litellm prints advice after an error.
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

/** What the server itself answers to the question of ask.py. */
async function own() {
  const messages = [{ role: "user", content: "Tell me of a dog" }];
  const request = { messages, max_tokens: 12, temperature: 0.5, seed: 5 };
  const { body } = await server.json("/v1/chat/completions", request);
  return { text: body.choices[0].message.content as string, prompt: body.usage.prompt_tokens as number };
}

describe("clients in Python", { skip, concurrency: 2 }, () => {
  const folder = skip ? "" : temporaryFolder();

  test("openai: chats, streams, log-probabilities, errors, a stream that is left", async () => {
    const [found, { text, prompt }] = await Promise.all([ask("openai"), own()]);
    assert.deepEqual([found.models, found.text, found.streamed, found.reason], [["demo"], text, text, "length"]);
    assert.deepEqual(
      [found.completion_tokens, found.prompt_tokens],
      [
        [12, 12],
        [prompt, prompt],
      ],
    );
    const request = { prompt: "Once upon", max_tokens: 1, temperature: 0, echo: true, logprobs: 2 };
    const expected = await server.json("/v1/completions", request);
    assert.deepEqual(found.scored[0], expected.body.choices[0].logprobs.token_logprobs);
    assert.equal(found.scored[1].length, 3);
    assert.deepEqual(found.errors, [
      ["AuthenticationError", "invalid_api_key", null],
      ["NotFoundError", "model_not_found", "model"],
      ["BadRequestError", "invalid_value", "max_tokens"],
    ]);
    await untilIdle(server);
  });

  test("litellm: chats, streams, text, and its class of a wrong key", async () => {
    // Without this it asks the internet for prices of models.
    const [found, { text }] = await Promise.all([ask("litellm", { LITELLM_LOCAL_MODEL_COST_MAP: "True" }), own()]);
    assert.deepEqual([found.text, found.streamed, found.reason], [text, text, "length"]);
    assert.deepEqual([found.completion_tokens, found.continued, found.error], [12, ", there was a little", 401]);
  });

  test("llm: a model of its settings file, whole and as a stream", async () => {
    const user = join(folder, "llm");
    mkdirSync(user);
    const lines = [
      "- model_id: own",
      "  model_name: demo",
      `  api_base: "${server.url}/v1"`,
      "  api_key_name: own",
      "",
    ];
    writeFileSync(join(user, "extra-openai-models.yaml"), lines.join("\n"));
    const [found, { text, prompt }] = await Promise.all([ask("llm", { LLM_USER_PATH: user }), own()]);
    assert.deepEqual([found.text, found.streamed, found.usage], [text, text, [prompt, 12]]);
  });

  test("/metrics is what Prometheus' parser reads: each family once, with type and help", async () => {
    await own();
    const families = await ask("metrics");
    for (const [name, { type, help, samples }] of Object.entries<Json>(families)) {
      assert.notEqual(type, "unknown", name);
      assert.match(help, /\.$/, name);
      assert.ok(
        samples.every(([, , value]: [string, object, number]) => Number.isFinite(value)),
        name,
      );
      if (type !== "histogram") continue;
      const buckets = samples.filter(([sample]: [string]) => sample.endsWith("_bucket"));
      const counts = buckets.map(([, , value]: [string, object, number]) => value);
      assert.deepEqual(
        counts,
        [...counts].sort((a, b) => a - b),
        name,
      );
      assert.equal(buckets.at(-1)[1].le, "+Inf");
    }
    assert.equal(families.llama_ts_requests.type, "counter");
    assert.equal(families.llama_ts_build_info.samples[0][1].dtype, "fp32");
  });
});

lastly(() => server?.child.kill());
