/** Answers bound to a form by the fields of OpenAI, vLLM, llama.cpp and ollama; many at once; what cannot be bound is refused with its place. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { type Json, startServer } from "./server-process.js";

const args = ["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--concurrency", "4"];
const server = await startServer([...args, "--strict_fields"]);
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
const ollama = new Ollama({ host: server.url });
const sampling = { temperature: 1, seed: 7 };
const messages = [{ role: "user" as const, content: "Tell me of a dog" }];

const SCHEMA = {
  type: "object",
  properties: { name: { enum: ["Spot", "Rex"] }, age: { type: "integer", minimum: 0, maximum: 20 } },
  required: ["name", "age"],
};
const isDog = (text: string) => /^\{"name": "(Spot|Rex)", "age": (1?\d|20)\}$/.test(text);
const isWord = (text: string) => /^[a-c]{4}$/.test(text);
const isYes = (text: string) => ["yes", 'n"o', "a\\b"].includes(text);
const isObject = (text: string) => text.startsWith("{");
const GRAMMAR = "root ::= [a-c] [a-c] [a-c] [a-c]";
const named = { name: "dog", schema: SCHEMA };

/** The fields that ask for a form, and what its answers are. */
const FIELDS: [fields: Json, isRight: (text: string) => boolean][] = [
  [{ response_format: { type: "json_schema", json_schema: { ...named, strict: true } } }, isDog],
  [{ response_format: { type: "json_schema", json_schema: { ...named, description: "A dog" } } }, isDog],
  [{ response_format: { type: "json_object", schema: SCHEMA } }, isDog],
  [{ response_format: { type: "json_object" } }, isObject],
  [{ structured_outputs: { json: SCHEMA } }, isDog],
  [{ structured_outputs: { json: JSON.stringify(SCHEMA) } }, isDog],
  [{ structured_outputs: { regex: "[a-c]{4}", disable_any_whitespace: false } }, isWord],
  [{ structured_outputs: { choice: ["yes", 'n"o', "a\\b"] } }, isYes],
  [{ structured_outputs: { grammar: GRAMMAR } }, isWord],
  [{ structured_outputs: { json_object: true } }, isObject],
  [{ guided_json: SCHEMA }, isDog],
  [{ guided_regex: "[a-c]{4}" }, isWord],
  [{ guided_choice: ["yes", 'n"o', "a\\b"] }, isYes],
  [{ guided_grammar: GRAMMAR }, isWord],
  [{ json_schema: SCHEMA }, isDog],
  [{ json_object: true }, isObject],
  [{ regex: "^[a-c]{4}$" }, isWord],
  [{ grammar: GRAMMAR }, isWord],
];

describe("forms", { concurrency: 3 }, () => {
  test("every field binds completions and chats, many at once", async () => {
    const asked = FIELDS.flatMap(([fields, isRight], i) => {
      const more = { ...sampling, seed: i, max_tokens: 60, ...fields };
      return [
        { path: "/v1/completions", body: { prompt: "A dog", ...more }, isRight },
        { path: "/v1/chat/completions", body: { messages, ...more }, isRight },
      ];
    });
    await Promise.all(
      asked.map(async ({ path, body, isRight }) => {
        const { status, body: found } = await server.json(path, body);
        assert.equal(status, 200, JSON.stringify(found));
        const [choice] = found.choices;
        const text = choice.text ?? choice.message.content;
        assert.ok(isRight(text), `${JSON.stringify(body)}: ${text}`);
        assert.equal(choice.form_complete, choice.finish_reason === "stop", text);
      }),
    );
  });

  test("a stream has the same text, and choices have a form each", async () => {
    const params = { model: "demo", messages, ...sampling, n: 3, logprobs: true } as const;
    const response_format = { type: "json_schema", json_schema: named } as const;
    const whole = await client.chat.completions.create({ ...params, response_format });
    const texts = whole.choices.map(({ message }) => message.content!);
    assert.ok(texts.every(isDog), texts.join());
    for (const { logprobs, message } of whole.choices) {
      assert.equal(logprobs!.content!.map(({ token }) => token).join(""), message.content);
    }
    const streamed: [string, string, string] = ["", "", ""];
    const events = await client.chat.completions.create({ ...params, response_format, stream: true });
    const ends: unknown[] = [];
    for await (const { choices } of events) {
      for (const choice of choices) {
        streamed[choice.index] += choice.delta.content ?? "";
        if (choice.finish_reason) ends.push((choice as Json).form_complete);
      }
    }
    assert.deepEqual([streamed, ends], [texts, [true, true, true]]);
  });

  test("a stop string and the end of the tokens leave a form incomplete", async () => {
    for (const more of [{ stop: "age" }, { max_tokens: 3 }]) {
      const { choices } = (await server.json("/v1/completions", { prompt: "A dog", json_schema: SCHEMA, ...more }))
        .body;
      assert.equal(choices[0].form_complete, false);
    }
    const { choices } = (await server.json("/v1/completions", { prompt: "A dog", max_tokens: 3 })).body;
    assert.equal("form_complete" in choices[0], false);
  });

  test("/v1/responses by text.format, and ollama's format", async () => {
    const text = { format: { type: "json_schema" as const, ...named } };
    const response = await client.responses.create({ model: "demo", input: "A dog", text, temperature: 1 });
    assert.ok(isDog(response.output_text), response.output_text);
    assert.deepEqual(response.text?.format, text.format);
    const options = { ...sampling, num_predict: 60 };
    const chatted = await ollama.chat({ model: "demo", messages, format: SCHEMA, options });
    assert.ok(isDog(chatted.message.content), chatted.message.content);
    let streamed = "";
    for await (const part of await ollama.chat({ model: "demo", messages, format: SCHEMA, options, stream: true })) {
      streamed += part.message.content;
    }
    assert.equal(streamed, chatted.message.content);
    const generated = await ollama.generate({ model: "demo", prompt: "A dog", format: "json", options });
    assert.ok(isObject(generated.response ?? ""));
  });

  test("what is wrong is refused with the field, before a stream begins", async () => {
    for (const [fields, param, message] of [
      [{ json_schema: { not: {} } }, "json_schema", /#\/not: not is not supported/],
      [
        { response_format: { type: "json_schema", json_schema: { schema: { contains: {} } } } },
        "response_format.json_schema.schema",
        /contains/,
      ],
      [{ response_format: { type: "grammar" } }, "response_format.type", /text, json_object and json_schema/],
      [{ structured_outputs: { regex: "(" } }, "structured_outputs.regex", /not a regular expression/],
      [{ structured_outputs: { regex: 5 } }, "structured_outputs.regex", /a string/],
      [{ structured_outputs: { whitespace_pattern: " " } }, "structured_outputs.whitespace_pattern", /not supported/],
      [{ structured_outputs: { json: "{" } }, "structured_outputs.json", /not JSON/],
      [{ structured_outputs: { choice: [] } }, "structured_outputs.choice", /a list of at most/],
      [{ structured_outputs: { json: SCHEMA, regex: "a" } }, "structured_outputs.regex", /exclude each other/],
      [{ guided_regex: "a", regex: "a" }, "regex", /guided_regex and regex exclude each other/],
      [{ guided_json: 5 }, "guided_json", /a JSON Schema/],
      [{ grammar: "root ::= x" }, "grammar", /rule x/],
      [{ grammar: `root ::= ${"(".repeat(5000)}` }, "grammar", /parentheses/],
      [{ regex: "(?=a)b" }, "regex", /a lookahead is not supported/],
    ] as [Json, string, RegExp][]) {
      for (const stream of [false, true]) {
        const { status, body } = await server.json("/v1/chat/completions", {
          messages,
          max_tokens: 4,
          stream,
          ...fields,
        });
        assert.deepEqual(
          [status, body.error?.param],
          [400, param],
          JSON.stringify(fields).slice(0, 99) + JSON.stringify(body),
        );
        assert.match(body.error.message, message);
      }
    }
  });
});
