import assert from "node:assert/strict";
import { test } from "node:test";
import { llama } from "./cli-process.js";

/** The message of each line's error. */
async function errorsOf(...lines: string[]): Promise<string[]> {
  const { code, stdout } = await llama(["batch", "--quiet"], { input: `${lines.join("\n")}\n` });
  assert.equal(code, 1);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).error.message);
}

test("input of other programs is refused with how to make requests of it", async () => {
  const openAi = { custom_id: "a", method: "POST", url: "/v1/chat/completions", body: { messages: [], max_tokens: 3 } };
  const found = await errorsOf(
    JSON.stringify(openAi),
    '[{"prompt":"a"},{"prompt":"b"}]',
    "[",
    "{",
    "id,prompt",
    "Once upon a time",
    '{"prompt":"Once","max_tokens":3}',
    '{"prompt":"Once","temp":0}',
    '{"prompt":"Once","colour":"red"}',
  );
  const expected = [
    /^unknown key; found custom_id\. This is the form of OpenAI's batches; jq -c '\{id: \.custom_id, messages: .*' makes requests of it$/,
    /^line is not a JSON object\. Give one object a line; jq -c '\.\[\]' makes lines of a list$/,
    /^line is not JSON: .*\. Give one object a line; jq -c '\.\[\]' makes lines of a list$/,
    /^line is not JSON: .*\. Give each object on a line of its own; jq -c \. does that$/,
    /^line is not JSON: .*\. Give one JSON object a line, such as \{"prompt": "Once"\}$/,
    /^line is not JSON: .*\. Give one JSON object a line, such as \{"prompt": "Once"\}$/,
    /^unknown key; found max_tokens\. It is max_gen_len here$/,
    /^unknown key; found temp\. It is temperature here$/,
    /^unknown key; expected id, metadata, prompt, .*, found colour$/,
  ];
  assert.equal(found.length, expected.length);
  for (const [i, pattern] of expected.entries()) assert.match(found[i]!, pattern);
});

test("what jq makes of OpenAI's form is a request", async () => {
  // What the command in the message prints for a request without a temperature.
  const line = { id: "a", messages: [{ role: "user", content: "Once" }], max_gen_len: 3, temperature: null };
  const { code, stdout } = await llama(["batch", "--quiet"], { input: `${JSON.stringify(line)}\n` });
  assert.equal(code, 0, stdout);
  const { id, ids } = JSON.parse(stdout);
  assert.deepEqual([id, ids.length], ["a", 3]);
});

test("help of a command in a command is its own", async () => {
  const own = await llama(["cache", "list", "--help"]);
  assert.match(own.stdout, /^Usage: llama-ts cache list/);
  assert.deepEqual(await llama(["help", "cache", "list"]), own);
  assert.deepEqual(await llama(["help", "cache"]), await llama(["cache", "--help"]));
});
