/** Python's random draws, texts and literals, as Python 3.11 gives them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readLiteral } from "../../src/evaluation/python/literal.js";
import { PythonRandom } from "../../src/evaluation/python/random.js";
import { pythonStr } from "../../src/evaluation/python/repr.js";
import { capitalize, characterCount, pieceCount, stripStart } from "../../src/evaluation/python/text.js";
import { targetText } from "../../src/evaluation/results/sample-lines.js";

test("random.Random(seed) gives Python's words and samples, from small and from large pools", () => {
  const random = new PythonRandom(1234);
  assert.deepEqual([random.word(), random.word(), random.word()], [4150886329, 3342196574, 1892932127]);
  assert.deepEqual(random.sample(10, 3), [1, 0, 9]);
  assert.deepEqual(random.sample(100, 3), [74, 4, 85]);
  assert.deepEqual(random.sample(7000, 5), [5677, 687, 806, 6279, 2905]);
  assert.deepEqual(random.sample(7000, 64).slice(0, 5), [1939, 142, 252, 6461, 129]);
  assert.equal(new PythonRandom(2 ** 40 + 5).word(), 2166296868);
  assert.equal(new PythonRandom(-1234).word(), 4150886329);
  assert.throws(() => random.sample(2, 3), RangeError);
});

test("capitalize() gives title case to the first character and lower case to the others", () => {
  const cases: Record<string, string> = {
    ...{ "": "", "hELLO Wörld": "Hello wörld", ΑΣ: "Ας", ǆEP: "ǅep", ßX: "Ssx", ŉA: "ʼNa", ﬃ: "Ffi", აბ: "აბ" },
    ...{ ᾳΩ: "ᾼω", ᾲ: "Ὰͅ", İX: "İx", "😀ABC": "😀abc" },
  };
  for (const [text, wanted] of Object.entries(cases)) assert.equal(capitalize(text), wanted, text);
});

test("white space and characters are Python's", () => {
  assert.equal(pieceCount(" a b\u001c "), 4);
  assert.equal(pieceCount("a\ufeffb"), 1);
  assert.equal(characterCount("é😀"), 2);
  assert.equal(stripStart("\u0085\u001f a "), "a ");
});

test("literals are read as ast.literal_eval reads them, and written as repr writes them", () => {
  const source = `[{'q': 'It\\'s "x"\\n', "b": 'a' "b", 'u': u'c', r'r': r'\\d', 'e': '\\x41\\u00e9\\U0001F600\\101\\q'}, """t"r""", (1,), -1.5e1, None, True, {}]`;
  assert.deepEqual(readLiteral(source), [
    { q: 'It\'s "x"\n', b: "ab", u: "c", r: "\\d", e: "Aé😀A\\q" },
    ...['t"r', [1], -15, null, true, {}],
  ]);
  for (const bad of [
    "[1, 2",
    "'a",
    "[1 2]",
    "f()",
    "{'a'}",
    "[] x",
    "'\\N{DASH}'",
    "'\\uZZZZ'",
    "",
    "[".repeat(1000),
  ]) {
    assert.throws(() => readLiteral(bad), SyntaxError, bad);
  }
  const values = ["a'b", 'a"b', "a'\"b", "é\n\u200b\u00a0😀\0", 1, null, true, { k: [] }];
  const written = `["a'b", 'a"b', 'a\\'"b', 'é\\n\\u200b\\xa0😀\\x00', 1, None, True, {'k': []}]`;
  assert.equal(pythonStr(values), written);
  assert.deepEqual(readLiteral(written), values);
  assert.equal(pythonStr("a'b"), "a'b");
});

test("a right answer in brackets is written as lm-evaluation-harness writes it, which reads it as a list", () => {
  for (const [answer, written] of [
    ["[1,2]", "[1, 2]"],
    ["[-3, 5]", "[-3, 5]"],
    ["['a','b']", "['a', 'b']"],
    ["[0.5,2]", "[0.5, 2]"],
    ["[]", "[]"],
    ["[0,\\infty]", "[0,\\infty]"],
    ["[1,2)", "[1,2)"],
    ["[x]", "[x]"],
    ["[01]", "[01]"],
  ] as const) {
    assert.equal(targetText(answer), written, answer);
  }
  assert.equal(targetText(["a", "b"]), "['a', 'b']");
  assert.equal(targetText(2), "2");
});
