import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf, readLine, readRecord, recordOf } from "../../src/cli/json-lines/json-line.js";
import { rawValues } from "../../src/cli/json-lines/raw-values.js";
import { Dice } from "../fuzz/dice.js";

/** A random JSON text of an object, with odd spaces, escapes and numbers. */
function randomObject(dice: Dice, depth: number): string {
  const space = () => ["", "", " ", "\t", " \r "][dice.below(5)]!;
  const pieces = ["", "a", '\\"', "{[:,", "\\u0069d", "é🐱", "]}", "\\\\"];
  const string = (kinds = pieces.length) => `"${pieces[dice.below(kinds)]!.repeat(dice.below(3))}"`;
  // After an object with the key `\`, JSON.parse of Node 24 and 26 reads the key `"` as `\` (V8's fast path for known shapes).
  const key = () => string(pieces.length - 1);
  const value = (level: number): string => {
    const kind = dice.below(level > 0 ? 6 : 4);
    if (kind === 0) return string();
    if (kind === 1) return ["0", "-1.50", "1e3", "9007199254740993", "1E-2"][dice.below(5)]!;
    if (kind === 2) return ["true", "false", "null"][dice.below(3)]!;
    if (kind === 3) return `${space()}${string()}${space()}`;
    const parts = Array.from({ length: dice.below(4) }, () => space() + value(level - 1) + space());
    if (kind === 4) return `[${parts.join(",")}]`;
    return `{${parts.map((part) => `${space()}${key()}${space()}:${part}`).join(",")}}`;
  };
  const pairs = Array.from(
    { length: dice.below(6) },
    () => `${space()}${key()}${space()}:${space()}${value(depth)}${space()}`,
  );
  return `${space()}{${pairs.join(",")}}${space()}`;
}

test("the text of each value of a random object is what its parser reads there", () => {
  const dice = new Dice(3, 0);
  for (let i = 0; i < 3000; i++) {
    const text = randomObject(dice, 3);
    const parsed = JSON.parse(text) as Record<string, unknown>;
    const { values } = rawValues(text);
    assert.deepEqual([...values.keys()].sort(), Object.keys(parsed).sort(), text);
    for (const [key, raw] of values) assert.deepEqual(JSON.parse(raw), parsed[key], text);
  }
});

test("text that is not JSON is scanned without an error", () => {
  const dice = new Dice(4, 0);
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: dice.below(30) }, () => '{}[]:,"\\ a1'[dice.below(11)]).join("");
    rawValues(text);
  }
  assert.equal(rawValues("[".repeat(1e6)).depth, 1e6);
  assert.equal(rawValues('{"a":"[[["}').depth, 1);
});

const line = (text: string, number = 1) => ({
  number,
  bytes: Buffer.from(text),
  length: text.length,
  end: 0,
  isEnded: true,
});
const read = (text: string) => readLine(line(text), ["prompt"], (json) => json.prompt);

test("ids and metadata are written as they were, digit by digit", () => {
  for (const id of ["9007199254740993", "1.0", "1e400", "-0", '"\\u0041\\ud800"', '"a b"', "null"]) {
    for (const metadata of ["12345678901234567890", '{ "n" : [1.10, 1E5] }', '"\\/"', "null", "[ ]"]) {
      const { origin, request } = read(`{ "id" : ${id} , "metadata" :${metadata},"prompt":"x"}`);
      assert.equal(request, "x");
      const record = recordOf(origin, { text: "t" }, null);
      assert.equal(record, `{"id":${id},"line":1,"metadata":${metadata},"text":"t"}`);
      assert.deepEqual(readRecord(record), { origin: { id, line: 1 }, isAnswer: true });
    }
  }
});

test("ids are compared by their exact value", () => {
  const key = (id: string) => keyOf({ id, line: 1 });
  for (const [one, other] of [
    ["1", "1.0"],
    ["100", "1e2"],
    ["-1.5", "-150E-2"],
    ["0", "-0.0"],
    ['"A"', '"\\u0041"'],
  ] as const) {
    assert.equal(key(one), key(other));
  }
  const different = ["9007199254740992", "9007199254740993", "1e400", "1e401", "1", '"1"', "-1", "0.1", "null"];
  assert.equal(new Set(different.map(key)).size, different.length);
  assert.equal(keyOf({ id: "null", line: 7 }), "line 7");
  // Many digits do not take long.
  const start = performance.now();
  assert.notEqual(key(`1${"0".repeat(1e6)}1`), key("1"));
  assert.notEqual(key(`1e${"9".repeat(1e6)}`), key("1"));
  assert.ok(performance.now() - start < 1000);
});

test("a line that is nested too deeply is refused with its id, and so is a record", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  assert.equal(read(`{"id":5,"metadata":${nested(499)},"prompt":"x"}`).error, null);
  for (const depth of [500, 8000, 1_000_000]) {
    const { origin, error } = read(`{"id":5,"metadata":${nested(depth)},"prompt":"x"}`);
    assert.equal(origin.id, "5");
    assert.equal(error!.message, `line is nested too deeply; expected at most 500 levels, found ${depth + 1}`);
    assert.throws(() => readRecord(`{"id":5,"line":1,"metadata":${nested(depth)}}`));
  }
  // Not closed, and an id that is nested itself.
  assert.match(read(`{"id":5,"metadata":${"[".repeat(900)}`).error!.message, /nested too deeply/);
  assert.equal(read(`{"id":${nested(900)}}`).origin.id, "null");
});

test("errors name what is wrong with a line", () => {
  for (const [text, message] of [
    ['{"id":[1],"prompt":"x"}', "id: has the wrong type; expected a string or a number, found a list"],
    ['{"id":true}', "id: has the wrong type; expected a string or a number, found a boolean"],
    ["[1]", "line is not a JSON object. Give one object a line; jq -c '.[]' makes lines of a list"],
    ['{"a\u0000":1}', "line: is not text; found a zero byte at offset 3"],
  ] as const) {
    assert.equal(read(text).error?.message, message);
  }
});
