/** Which texts are of a form: grammars, regular expressions, schemas, tags; and what is refused, in little time and memory. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LlamaError } from "../../../src/error.js";
import { compileForm } from "../../../src/generation/form/compile-form.js";
import type { Form } from "../../../src/generation/form/form.js";
import { createRandom } from "../../../src/generation/sampling/random.js";
import { accepts } from "./accepts.js";

function check(form: Form, right: readonly string[], wrong: readonly string[] = []): void {
  const states = compileForm(form);
  for (const text of right) assert.ok(accepts(states, text), `${JSON.stringify(form)} is ${text}`);
  for (const text of wrong) assert.ok(!accepts(states, text), `${JSON.stringify(form)} is not ${text}`);
}

function refusal(form: unknown): string {
  try {
    compileForm(form as Form);
  } catch (error) {
    assert.ok(error instanceof LlamaError && error.kind === "usage", String((error as Error).stack));
    return error.message;
  }
  throw new Error(`${JSON.stringify(form).slice(0, 80)} was not refused`);
}

test("a form is an object with one of the keys, and a value of its type", () => {
  for (const [form, message] of [
    [null, /form: has the wrong type/],
    [{}, /form: is not a form; expected one of jsonSchema, jsonObject, regex, grammar, found none/],
    [{ regex: "a", grammar: "b" }, /form: more than one form; .*found regex and grammar/],
    [{ regexp: "a" }, /form: is not a form; .*found "regexp"/],
    [{ regex: 1 }, /regex: has the wrong type; expected a string, found a number/],
    [{ regex: "" }, /regex: is empty/],
    [{ jsonObject: false }, /json_object: has the wrong type; expected true/],
    [{ jsonSchema: "x" }, /json_schema: has the wrong type; expected a JSON schema/],
    [{ jsonSchema: [] }, /json_schema: has the wrong type/],
  ] as const) {
    assert.match(refusal(form), message);
  }
});

describe("grammars", () => {
  test("in EBNF as llama.cpp writes it", () => {
    check(
      { grammar: 'root ::= "a"{2,4} | b # c\nb ::= [^a-z\\n]\n  "x"' },
      ["aa", "aaaa", "éx", "😀x"],
      ["a", "aaaaa", "ax"],
    );
    check({ grammar: 'root ::= "a" root "b" | ""' }, ["", "ab", "aaabbb"], ["aab", "ba"]);
    check({ grammar: 'root ::= (("x"*)*)* ("y"?){0,1000000000}' }, ["", "xxxy", "yyyy"], ["yx"]);
    check(
      { grammar: 'root ::= my-rule . [\\]\\-^]+\nmy-rule ::= "\\"\\x41\\u00e9\\U0001F600"' },
      ['"Aé😀x]-^'],
      ['"Aé😀x'],
    );
    const arithmetic = `root ::= (expr "=" ws term "\\n")+
expr ::= term ([-+*/] term)*
term ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num ::= [0-9]+ ws
ws ::= [ \\t\\n]*`;
    check({ grammar: arithmetic }, ["a +(b*2)= 7\n", "x=1\ny_1=2\n"], ["a += 7\n", "a = 7"]);
  });

  test("are refused with the line, or the rule, and the reason", () => {
    for (const [grammar, message] of [
      ['root ::= "a', /^grammar, line 1: is not a grammar in EBNF/],
      ['root ::= "a"\nx = "b"', /^grammar, line 2: .*found "= \\?"b\\?""/],
      ["root ::= [z-a]", /a range in order/],
      ['root ::= "a"{3,2}', /counts in order/],
      ["root ::= (a", /grammar, line 1: .*expected \)/],
      ['a ::= "b"', /grammar: has no rule root/],
      ["root ::= b", /form: uses the rule b, which is not defined/],
      ['root ::= root "b" | "a"', /form: begins with itself/],
      ['root ::= "a" root', /form: no text can be of this form/],
      ['root ::= "a" (= "b")', /no lookahead/],
      [`root ::= ${"(".repeat(10_000)}`, /200 parentheses/],
      [`root ::= "${"a".repeat(300_000)}"`, /grammar: is too long/],
    ] as const) {
      assert.match(refusal({ grammar }), message);
    }
  });
});

describe("regular expressions", () => {
  test("match as a whole, over characters", () => {
    check({ regex: "^[a-z]+@[a-z]+\\.com$" }, ["ab@c.com"], ["ab@c.comx", "", "xab@c.co"]);
    check({ regex: "[é-ÿ\\p{L}]{2,3}|\\d+" }, ["éé", "123", "日本"], ["é", "x1", "日本語日"]);
    check({ regex: "a(?:b|(c))?d{2,}[^\\s\\w]." }, ["abdd-x", "acddd!é", "add€😀"], ["abd-x", "abdd x", "abdd-\n"]);
    check({ regex: "(x+x+)+y" }, ["xxy", `${"x".repeat(200)}y`], ["xy", "x".repeat(200)]);
  });

  test("agree with JavaScript's on made-up texts", () => {
    const random = createRandom(7);
    const letters = [..."ab1 -é"];
    for (const source of ["(a|ab)(b|1)*", "[^a]{1,3}", "a?b?1?", "(a|b)*1(a|b)", "\\w+ \\w+", "[é-ü]|b{2}", ".{2}-?"]) {
      const states = compileForm({ regex: source });
      const own = new RegExp(`^(?:${source})$`, "u");
      for (let i = 0; i < 300; i++) {
        const text = Array.from(
          { length: Math.floor(random() * 6) },
          () => letters[Math.floor(random() * letters.length)],
        ).join("");
        assert.equal(accepts(states, text), own.test(text), `${source} and ${JSON.stringify(text)}`);
      }
    }
  });

  test("that look at other places, or are wrong, are refused by name", () => {
    for (const [regex, message] of [
      ["(?=a)b", /a lookahead is not supported/],
      ["(?<!a)b", /a lookbehind is not supported/],
      ["(a)\\1", /a back-reference is not supported/],
      ["a\\b", /a word boundary is not supported/],
      ["a(^b)", /an anchor within an expression is not supported/],
      ["((", /regex: is not a regular expression/],
      ["(".repeat(8000) + ")".repeat(8000), /too many groups|groups within each other/],
      ["a".repeat(20_000), /regex: is too long/],
    ] as const) {
      assert.match(refusal({ regex }), message);
    }
  });
});

test("free text with tags: what follows a trigger is bound", () => {
  const tag = {
    type: "tag",
    begin: "<t>{",
    content: { type: "json_schema", json_schema: { type: "integer" } },
    end: "}</t>",
  } as const;
  const triggered = { type: "triggered_tags", triggers: ["<t>"], tags: [tag] } as const;
  const free = { structuralTag: { ...triggered, triggers: ["<t>"], tags: [tag] } };
  check(free, ["", "hello <t", "a<<t>{12}</t> b <t>{1}</t>"], ["<t>x", "<t>{a}</t>", "a <t>{1}"]);
  check(
    { structuralTag: { ...free.structuralTag, at_least_one: true, stop_after_first: true } },
    ["x <t>{1}</t>"],
    ["", "<t>{1}</t> "],
  );
  const two = { type: "tags_with_separator", tags: [tag], separator: "\n", at_least_one: true } as const;
  check({ structuralTag: { ...two, tags: [tag] } }, ["<t>{1}</t>\n<t>{2}</t>"], ["", "<t>{1}</t>\n"]);
  assert.match(refusal({ structuralTag: { type: "x" } }), /structural_tag: is not a known part/);
});

test("hostile forms are refused, or compiled in bounded time", () => {
  const nested = (depth: number): object => {
    let schema: object = { type: "integer" };
    for (let i = 0; i < depth; i++) schema = { type: "object", properties: { a: schema }, required: ["a"] };
    return schema;
  };
  const wide = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`k${i}`, { type: "integer" }]));
  const doubling = Array.from({ length: 12 }, () => ({ anyOf: [{ minimum: 1 }, { maximum: 9 }, { minimum: 3 }] }));
  const start = performance.now();
  assert.match(refusal({ jsonSchema: nested(60) }), /nested too deeply/);
  assert.match(refusal({ jsonSchema: { properties: wide } }), /is too large/);
  assert.match(refusal({ jsonSchema: { type: "integer", allOf: doubling } }), /is too large/);
  assert.match(refusal({ jsonSchema: { $ref: "#" } }), /refers to itself/);
  assert.match(
    refusal({ jsonSchema: { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] } }),
    /no text/,
  );
  assert.match(refusal({ jsonSchema: { anyOf: [{ $ref: "#" }, { type: "null" }] } }), /begins with itself/);
  const sizes = { type: "string", minLength: 3, maxLength: 1e9 } as const;
  check({ jsonSchema: sizes }, ['"abcd"'], ['"ab"']);
  check({ jsonSchema: { type: "array", items: { type: "integer" }, maxItems: 1e9 } }, ["[1, 2]"]);
  check({ regex: "((a{1000}){1000}){1000}|b" }, ["b"], ["a"]);
  const ambiguous = compileForm({ regex: "((.{1,200}){1,200}){1,200}" });
  assert.throws(() => accepts(ambiguous, "a".repeat(300)), /too many ways at once/);
  assert.ok(performance.now() - start < 20_000, `${performance.now() - start} ms`);
});
