/** Tools in chat templates: which know them, how they are written, and how calls are read out of answers that come in pieces. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { chosenFormat } from "../../src/generation/chat/choose-format.js";
import { readDialog } from "../../src/generation/chat/dialog.js";
import { ChatTemplate } from "../../src/generation/template/chat-template.js";
import { type CallForm, templateTools } from "../../src/generation/tools/call-form.js";
import { type AnswerPart, CallReader } from "../../src/generation/tools/call-reader.js";
import { MAX_TOOLS, readTools } from "../../src/generation/tools/tool.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { type TemplateTokenizers, templateTokenizers } from "./template-tokenizers.js";
import { LLAMA_FORM, PLAIN, PYTHON_FORM, TAG_FORM } from "./tool-templates.js";

const NAMES = { bos_token: "<s>", eos_token: "</s>", unk_token: null, pad_token: null };
const TAGS: CallForm = { open: "<tool_call>\n", close: "\n</tool_call>", between: "\n", argumentsKey: "arguments" };
const BARE: CallForm = { open: "", close: "", between: null, argumentsKey: "parameters" };
const WEATHER = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;
const CALL = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city": "Bern"}' } };

test("what a template does with tools is found out by rendering", () => {
  const found = (source: string) => templateTools(new ChatTemplate(source, NAMES));
  assert.deepEqual(found(TAG_FORM), { kind: "calls", form: TAGS });
  assert.deepEqual(found(LLAMA_FORM), { kind: "calls", form: BARE });
  assert.deepEqual(found(PLAIN), { kind: "none" });
  const strange = found(PYTHON_FORM);
  assert.equal(strange.kind === "unreadable" && strange.found, '[NAME(zq_key_xj="zq_value_xj")]<|im_end|>');
  // One that begins the model's thoughts, and one that refuses tools.
  assert.deepEqual(found(`${TAG_FORM}{% if add_generation_prompt %}<think>\n{% endif %}`), {
    kind: "calls",
    form: TAGS,
  });
  assert.deepEqual(found(`{% if tools %}{{ raise_exception('none') }}{% endif %}${PLAIN}`), { kind: "none" });
});

describe("a dialog with tools", () => {
  let tokenizers: TemplateTokenizers;
  before(async () => {
    tokenizers = await templateTokenizers();
  });
  const config = { ropeScaling: null } as ModelConfig;
  const format = (template: string) => chosenFormat({ template }, "none", tokenizers.bytes, config);
  const written = (template: string, messages: object[], tools?: object[]) => {
    const ids = format(template).encodeDialog(readDialog(messages), "answer", tools && readTools(tools));
    const names = new Map([...tokenizers.bytes.specialTokens].map(([name, id]) => [id, name]));
    return ids.map((id) => names.get(id) ?? tokenizers.bytes.decode([id])).join("");
  };

  test("is written by the template: tools, calls with their arguments as objects, results with the tool's name", () => {
    const dialog = [
      { role: "user", content: "Rain?" },
      { role: "assistant", content: null, tool_calls: [CALL, { ...CALL, id: "call_2" }] },
      { role: "tool", tool_call_id: "call_2", content: "no" },
    ];
    assert.equal(
      written(TAG_FORM, dialog, [WEATHER]),
      `<|im_start|>system
<tools>
{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
</tools><|im_end|>
<|im_start|>user
Rain?<|im_end|>
<|im_start|>assistant
<tool_call>
{"name": "weather", "arguments": {"city": "Bern"}}
</tool_call>
<tool_call>
{"name": "weather", "arguments": {"city": "Bern"}}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
weather: no
</tool_response><|im_end|>
<|im_start|>assistant
`,
    );
    assert.throws(() => written(LLAMA_FORM, dialog, [WEATHER]), /refuses the messages: One call at a time/);
  });

  test("keeps names of special tokens in tools, calls and results as text", () => {
    const name = "<|im_end|>";
    const id = tokenizers.bytes.specialTokens.get(name);
    const tool = { ...WEATHER, function: { ...WEATHER.function, description: name } };
    const call = { ...CALL, function: { name: "weather", arguments: JSON.stringify({ [name]: [name] }) } };
    const dialog = [
      { role: "user", content: "x" },
      { role: "assistant", tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: name },
    ];
    const plain = [dialog[0]!, { role: "assistant", tool_calls: [CALL] }, { ...dialog[2]!, content: "no" }];
    const count = (messages: object[], own: object) => {
      const ids = format(TAG_FORM).encodeDialog(readDialog(messages), "answer", readTools([own]));
      return ids.filter((one) => one === id).length;
    };
    assert.equal(count(dialog, tool), count(plain, WEATHER));
  });

  test("has the model's template for tools, where it has one of its own", () => {
    const tokenizer = { ...tokenizers.bytes, chatTemplate: PLAIN, toolTemplate: TAG_FORM };
    const own = chosenFormat("template", "none", tokenizer, config);
    assert.equal(own.tools.kind, "calls");
    const dialog = readDialog([{ role: "user", content: "Rain?" }]);
    const tools = readTools([WEATHER]);
    assert.deepEqual(own.encodeDialog(dialog, "answer", tools), format(TAG_FORM).encodeDialog(dialog, "answer", tools));
    assert.deepEqual(own.encodeDialog(dialog), format(PLAIN).encodeDialog(dialog));
    const called = readDialog([...dialog, { role: "assistant", tool_calls: [CALL] }, { role: "user", content: "So?" }]);
    assert.throws(() => own.encodeDialog(called), /messages\[1\].tool_calls.*Send the tools too/);
  });

  test("is refused where it is wrong, with the place", () => {
    const wrong = (messages: object[], pattern: RegExp) => {
      assert.throws(
        () => readDialog(messages),
        (error) => error instanceof LlamaError && error.kind === "usage" && pattern.test(error.message),
      );
    };
    const answer = (more: object) => [{ role: "assistant", tool_calls: [{ ...CALL, ...more }] }];
    wrong([{ role: "user", content: "x", tool_calls: [CALL] }], /messages\[0\].tool_calls.*only answers/);
    wrong([{ role: "assistant", content: "x", function_call: {} }], /messages\[0\].function_call/);
    wrong(answer({ type: "custom" }), /messages\[0\].tool_calls\[0\].type/);
    wrong(answer({ function: { name: "x", arguments: "{" } }), /arguments.*are not the JSON of an object/);
    wrong(answer({ function: { name: "x", arguments: "[1]" } }), /arguments.*are not the JSON of an object/);
    wrong(answer({ function: { name: "x", arguments: `{"a":${"[".repeat(99)}${"]".repeat(99)}}` } }), /too deeply/);
    wrong([{ role: "assistant", tool_calls: [CALL], token_ids: [1] }], /token_ids/);
    wrong([{ role: "tool", content: "x", tool_call_id: 5 }], /tool_call_id/);
  });
});

test("tools are checked and bounded", () => {
  const wrong = (tools: unknown, pattern: RegExp) => assert.throws(() => readTools(tools), pattern);
  const named = (name: string) => ({ type: "function", function: { name } });
  assert.deepEqual(readTools([named("a.b-c_d")])[0]!.function.parameters, { type: "object", properties: {} });
  wrong({}, /tools: .*a list of tools/);
  wrong([{ type: "web_search" }], /tools\[0\].type/);
  wrong([named("two words")], /tools\[0\].function.name/);
  wrong([named("x".repeat(65))], /tools\[0\].function.name/);
  wrong([named("a"), named("a")], /tools\[1\].function.name.*one name/);
  wrong(Array(MAX_TOOLS + 1).fill(named("a")), /too many tools/);
  wrong([{ type: "function", function: { name: "a", description: "x".repeat(300_000) } }], /too long/);
  wrong([{ type: "function", function: { name: "a", parameters: { type: "array" } } }], /parameters.type/);
  wrong([{ type: "function", function: { name: "a", parameters: [] } }], /parameters/);
  wrong([{ type: "function", function: { name: "a", strict: 1 } }], /strict/);
  let deep: object = {};
  for (let i = 0; i < 5000; i++) deep = { deep };
  wrong([{ type: "function", function: { name: "a", parameters: deep } }], /too deeply/);
});

describe("calls in an answer", () => {
  /** What comes of a text in pieces of a length, joined. */
  const read = (form: CallForm, text: string, length: number) => {
    let ids = 0;
    const reader = new CallReader(form, () => `id${++ids}`);
    const parts: AnswerPart[] = [];
    for (let at = 0; at < text.length; at += length) parts.push(...reader.push(text.slice(at, at + length)));
    parts.push(...reader.end());
    const content = parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("");
    const calls = reader.calls.map(({ id, function: own }, i) => {
      const pieces = parts.filter((part) => part.kind === "arguments" && part.call === i);
      assert.equal(pieces.map((part) => (part.kind === "arguments" ? part.text : "")).join(""), own.arguments);
      return [id, own.name, own.arguments];
    });
    assert.equal(reader.content, content);
    return { content, calls, isWhole: reader.isWhole, pieces: parts.length };
  };
  const everyLength = (form: CallForm, text: string, right: object) => {
    for (const length of [1, 2, 3, 7, 1000]) {
      const { pieces: _, ...found } = read(form, text, length);
      assert.deepEqual(found, right, `pieces of ${length}`);
    }
  };
  const call = (name: string, json: string) => `<tool_call>\n{"name": "${name}", "arguments": ${json}}\n</tool_call>`;

  test("between tags: text before, several calls, braces and quotes in texts", () => {
    const json = '{"a": "}\\"{", "b": [{}, "</tool_call>"], "c": "\\\\"}';
    const text = `I look. <b>\n${call("one", json)}\n${call("two", "{}")}\nDone <tool`;
    everyLength(TAGS, text, {
      content: "I look. <b>\nDone <tool",
      calls: [
        ["id1", "one", json],
        ["id2", "two", "{}"],
      ],
      isWhole: true,
    });
    assert.ok(read(TAGS, text, 1).pieces > 40, "arguments come in pieces");
  });

  test("without tags: at the start of an answer only", () => {
    const json = '{"city": "Bern"}';
    const right = { content: "", calls: [["id1", "weather", json]], isWhole: true };
    everyLength(BARE, `{"name": "weather", "parameters": ${json}}`, right);
    everyLength(BARE, `{"type": "function", "name": "weather", "parameters": ${json}}`, right);
    for (const text of [`x {"name": "weather", "parameters": ${json}}`, '{"answer": 1}', '{"name', "", " \n"]) {
      everyLength(BARE, text, { content: text, calls: [], isWhole: false });
    }
  });

  test("that is cut off: its arguments so far, or its text where it has no arguments", () => {
    everyLength(TAGS, '<tool_call>\n{"name": "one", "arguments": {"a": [1', {
      ...{ content: "", calls: [["id1", "one", '{"a": [1']], isWhole: false },
    });
    everyLength(TAGS, 'A <tool_call>\n{"na', { content: 'A <tool_call>\n{"na', calls: [], isWhole: false });
    everyLength(TAGS, call("one", "{}").slice(0, -4), { content: "", calls: [["id1", "one", "{}"]], isWhole: true });
  });
});
