/** Chat templates give the texts that transformers 5 gives, refuse what it refuses, and never run away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { ChatTemplate, type TemplateMessage } from "../../src/generation/template/chat-template.js";
import { strftime } from "../../src/generation/template/globals.js";
import { fixture, readJson } from "../folders.js";

interface Fixture {
  templates: {
    name: string;
    source: string;
    cases: { dialog: number; prompt: boolean; text?: string; error?: string }[];
  }[];
  dialogs: TemplateMessage[][];
  /** A source, and the text for the messages below; null if it fails. */
  snippets: [string, string | null][];
}

/** The texts are those of transformers 5.24. */
const { templates, dialogs, snippets } = readJson<Fixture>(fixture("chat-templates.json"));
const NAMES = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", pad_token: null };
const MESSAGES = [
  { role: "user", content: "Hello" },
  { role: "assistant", content: "Yo" },
];

/** The message of the error that a source fails with, which is one line. */
function failure(source: string, messages: readonly TemplateMessage[] = MESSAGES): string {
  try {
    new ChatTemplate(source, NAMES).render(messages, true);
  } catch (error) {
    assert.ok(error instanceof LlamaError, `${source.slice(0, 100)}: ${error}`);
    assert.equal(error.kind, "usage");
    assert.doesNotMatch(error.message, /\n/);
    assert.ok(error.message.length < 500, error.message);
    return error.message;
  }
  return assert.fail(`no error: ${source.slice(0, 100)}`);
}

for (const { name, source, cases } of templates) {
  test(`the template "${name}" gives transformers' texts`, () => {
    const template = new ChatTemplate(source, NAMES);
    for (const { dialog, prompt, text, error } of cases) {
      const messages = dialogs[dialog]!;
      if (text !== undefined) assert.equal(template.render(messages, prompt), text, JSON.stringify(messages));
      else assert.ok(failure(source, messages).includes(`refuses the messages: ${error}`));
    }
  });
}

test("expressions and statements have transformers' texts, and fail where its fail", () => {
  assert.ok(snippets.length > 70);
  for (const [source, text] of snippets) {
    if (text === null) failure(source);
    else assert.equal(new ChatTemplate(source, { ...NAMES, unk_token: null }).render(MESSAGES, true), text, source);
  }
});

test("errors name what is wrong", () => {
  assert.match(failure("{{ raise_exception('Only\n two') }}"), /^the chat template: refuses the messages: Only two$/);
  assert.match(failure("{{ nosuch.role }}"), /cannot render the messages; found 'nosuch' is undefined$/);
  assert.match(failure("{{ nosuch() }}"), /found 'nosuch' is undefined$/);
  assert.match(failure("{{ messages[0]['tools'].x }}"), /found 'tools' is undefined$/);
  assert.match(failure("{{ 'x'|nosuch }}"), /nosuch/);
  assert.match(failure("{% if true %}x"), /is not a Jinja template that can be read; found an end within a statement$/);
  assert.match(failure("{% include 'x' %}"), /include/);
});

/** 30 doublings of `start` by `step`, then `end`. */
const doubled = (start: string, step: string, end = "") =>
  `{% set ns = namespace(x=${start}) %}{% for i in range(60) %}{% set ns.x = ${step} %}{% endfor %}${end}`;

test("a template from strangers ends soon, whatever it does", { timeout: 120_000 }, () => {
  const hostile = [
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(999999) %}{% set x = range(999999) %}{% endfor %}",
    "{{ 'x' * 10**10 }}",
    "{{ 10**10 * 'x' }}",
    doubled("'x'", "ns.x + ns.x"),
    doubled("'x'", "ns.x ~ ns.x"),
    doubled("'xx'", "ns.x.replace('x', 'xxx')"),
    doubled("'xx'", "ns.x|replace('', 'xx')"),
    doubled("'xx'", "ns.x|join(ns.x)"),
    doubled("[1]", "ns.x + ns.x"),
    doubled("[1]", "[ns.x, ns.x]", "{{ ns.x|tojson }}"),
    doubled("[1]", "[ns.x, ns.x]", "{{ ns.x }}"),
    doubled("[1]", "[ns.x, ns.x]", "{{ ns.x == [ns.x] + ns.x }}{{ [ns.x]|unique|list|string }}"),
    "{{ 'a\na'|indent(10**9) }}",
    "{{ {'a': [1]}|tojson(indent=10**9) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(x) %}{{ f(x + [x]) }}{% endmacro %}{{ f([1]) }}",
    `{{ ${"(".repeat(100_000)}1${")".repeat(100_000)} }}`,
    `{{ ${"not ".repeat(100_000)}1 }}`,
    `{{ ${"[".repeat(100_000)} }}`,
    "{% if true %}".repeat(20_000),
    `${" ".repeat(900_000)}{{ 1 }}`,
    "x".repeat(2_000_000),
  ];
  const before = process.memoryUsage().rss;
  for (const source of hostile) failure(source);
  assert.ok(process.memoryUsage().rss - before < 1.5e9);
});

test("a template cannot reach the objects of the program", () => {
  for (const source of [
    "{{ ''.constructor.constructor('return process')() }}",
    "{{ messages.constructor('x') }}",
    "{{ messages.__proto__.x }}",
    "{{ raise_exception.constructor('return 1')() }}",
    "{{ messages[0].__proto__.polluted }}",
    "{{ namespace.constructor('x') }}",
  ]) {
    failure(source);
  }
  const source =
    "{% set ns = namespace(__proto__=1) %}{% set ns.constructor = 2 %}{{ ns.constructor }}{{ ns.toString }}";
  assert.equal(new ChatTemplate(source, NAMES).render(MESSAGES, true), "2");
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("dates are written as C does, in English and local time", () => {
  const day = new Date(2024, 6, 5, 9, 3, 7);
  assert.equal(
    strftime(day, "%d %b %Y, %B %-d, %H:%M:%S %I%p %a %A %j %y %F %% %q"),
    "05 Jul 2024, July 5, 09:03:07 09AM Fri Friday 187 24 2024-07-05 % %q",
  );
  const template = new ChatTemplate("{{ strftime_now('%d %b %Y') }}", NAMES);
  assert.equal(template.render(MESSAGES, true, day), "05 Jul 2024");
});
