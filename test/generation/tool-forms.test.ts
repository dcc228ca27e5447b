/** Which answers the form of tools allows: texts, calls of either form of templates, and nothing in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileForm } from "../../src/generation/form/compile-form.js";
import { CompiledForms } from "../../src/generation/form/compiled-forms.js";
import { SchemaGrammar } from "../../src/generation/form/schema/schema-grammar.js";
import { taggedDetokenizer } from "../../src/generation/form/tag-tokens.js";
import type { CallForm } from "../../src/generation/tools/call-form.js";
import { type ToolUseOptions, toolUse } from "../../src/generation/tools/tool-use.js";
import { templateTokenizers } from "./template-tokenizers.js";

const TAGS: CallForm = { open: "<tool_call>\n", close: "\n</tool_call>", between: "\n", argumentsKey: "arguments" };
const BARE: CallForm = { open: "", close: "", between: null, argumentsKey: "parameters" };
const TOOLS = [
  {
    type: "function",
    function: {
      name: "weather",
      parameters: { type: "object", properties: { city: { enum: ["Bern"] } }, required: ["city"] },
    },
  },
  { type: "function", function: { name: "clock" } },
] as const;
const check = (schema: object, where: string) => void new SchemaGrammar(schema, where);
const { bytes } = await templateTokenizers();
const forms = new CompiledForms(bytes, bytes.vocabSize);
await forms.load();

/** Whether a text is a whole answer of the form, read by the tokens of the tokenizer. */
function isAnswer(form: CallForm, options: ToolUseOptions, answer: string): boolean {
  const use = toolUse({ kind: "calls", form }, TOOLS, options, check);
  const constraint = forms.constraint(use.form!, [], new Set());
  const ids = bytes.encode(answer);
  if (constraint.prefix(ids) < ids.length) return false;
  for (const id of ids) constraint.accept(id);
  return constraint.isComplete;
}

const WEATHER = '{"name": "weather", "arguments": {"city": "Bern"}}';
const call = (json: string) => `<tool_call>\n${json}\n</tool_call>`;
const CLOCK = call('{"name": "clock", "arguments": {}}');

test("between tags: text is free until a tag, and what follows it is a call", () => {
  const allows = (answer: string, options: ToolUseOptions = {}) => isAnswer(TAGS, options, answer);
  for (const text of ["", "A <tool> or < tool_call>.", '{"name": "weather"}', "<tool_cal", call(WEATHER), CLOCK]) {
    assert.ok(allows(text), text);
    assert.equal(allows(text, { choice: "none" }), !text.includes("<tool_call>"), text);
  }
  assert.ok(allows(`I look.\n${call(WEATHER)}\n${CLOCK}`));
  assert.ok(!allows(`${call(WEATHER)}\n${CLOCK}`, { isParallel: false }));
  for (const text of ["<tool_call>", "<tool_call> x", call('{"name": "other", "arguments": {}}')]) {
    assert.ok(!allows(`So ${text}`), text);
  }
  // Arguments are those of the schema alone.
  assert.ok(!allows(call('{"name": "clock", "arguments": {"a": 1}}')));
  assert.ok(!allows(call('{"name": "weather", "arguments": {"city": "Rome"}}')));
});

test("required and a named tool: calls and nothing else", () => {
  const required = { choice: "required" } as const;
  const named = { choice: { name: "clock" } };
  assert.ok(isAnswer(TAGS, required, call(WEATHER)) && isAnswer(TAGS, required, `${CLOCK}\n${call(WEATHER)}`));
  assert.ok(!isAnswer(TAGS, required, "") && !isAnswer(TAGS, required, `So ${CLOCK}`));
  assert.ok(isAnswer(TAGS, named, CLOCK) && !isAnswer(TAGS, named, call(WEATHER)));
  assert.ok(!isAnswer(TAGS, named, `${CLOCK}\n${CLOCK}`));
});

test("without tags: a call is the whole answer, and no text begins like one", () => {
  const own = '{"name": "weather", "parameters": {"city": "Bern"}}';
  const typed = own.replace("{", '{"type": "function", ');
  for (const text of [own, typed, "", "So", '{"answer": 1}', "{", '{"na', '\n{ "x"', "[1]"]) {
    assert.ok(isAnswer(BARE, {}, text), text);
  }
  for (const text of ['{"name": 1}', '{ "name"', `${own} `, ' {"type"', '{"name": "weather", "parameters": {}}']) {
    assert.ok(!isAnswer(BARE, {}, text), text);
  }
  assert.ok(isAnswer(BARE, { choice: "required" }, own) && !isAnswer(BARE, { choice: "required" }, "So"));
  assert.equal(toolUse({ kind: "calls", form: BARE }, TOOLS, { choice: "none" }, check).form, null);
});

test("with a form of its own, an answer is calls or a text of that form", () => {
  for (const form of [TAGS, BARE]) {
    const options = { form: { regex: "yes|no" } };
    const json = form === TAGS ? call(WEATHER) : '{"name": "clock", "parameters": {}}';
    assert.ok(isAnswer(form, options, "yes") && isAnswer(form, options, json));
    assert.ok(!isAnswer(form, options, "maybe") && !isAnswer(form, options, `yes ${json}`));
  }
});

test("strict refuses a schema that cannot be bound; without it its arguments are any object", () => {
  const odd = { type: "object", properties: { a: { not: {} } } };
  const tools = (strict: boolean) => [
    { type: "function" as const, function: { name: "odd", parameters: odd, strict } },
  ];
  const known = { kind: "calls", form: TAGS } as const;
  assert.throws(() => toolUse(known, tools(true), {}, check), /tools\[0\]\.function\.parameters.*not is not supported/);
  const loose = toolUse(known, tools(false), { choice: "required" }, check);
  assert.doesNotThrow(() => compileForm(loose.form!));
  assert.throws(() => toolUse(known, TOOLS, { choice: { name: "x" } }, check), /no such tool; expected weather, clock/);
});

test("a tag that is a special token of the tokenizer may be that token or its text", () => {
  const tag = bytes.specialTokens.get("<tool_call>")!;
  const use = toolUse({ kind: "calls", form: TAGS }, TOOLS, {}, check);
  const rest = bytes.encode(CLOCK.slice("<tool_call>".length));
  const detokenizer = taggedDetokenizer(bytes);
  assert.equal([tag, ...rest].map((id) => detokenizer.push(id)).join("") + detokenizer.flush(), CLOCK);
  const constraint = forms.constraint(use.form!, [], new Set());
  for (const id of [tag, ...rest]) constraint.accept(id);
  assert.ok(constraint.isComplete);
});
