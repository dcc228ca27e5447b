/** Small parts of the page by themselves: what probabilities are called, how tokens and parameters are read and written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pageModules } from "./page-modules.js";

const { levelOf, percent, isFork, piecesOf, visible, spoken, readNumber, readStops, writeStops, seconds, rate } =
  await pageModules("tokens/measure.ts", "tokens/texts.ts", "panel/fields.ts", "gauges/amounts.ts");

test("probabilities have a level, and as many digits as say something", () => {
  const shown = [1, 0.9994, 0.123, 0.0123, 0.000_123].map((p) => percent(Math.log(p)));
  assert.deepEqual(shown, ["100 %", "100 %", "12 %", "1.2 %", "0.012 %"]);
  assert.equal(percent(-9999), "< 0.001 %");
  const levels = [0.95, 0.9, 0.6, 0.3, 0.1, 0.01].map((p) => levelOf({ logprob: Math.log(p) }));
  assert.deepEqual(levels, [0, 0, 1, 2, 3, 4]);
  assert.equal(levelOf({ logprob: null }), null);
});

test("a fork is where another token was at least half as likely", () => {
  const fork = (p: number, other: number) =>
    isFork({
      ...{ id: 1, text: "a", logprob: Math.log(p) },
      top: [
        { id: 1, text: "a", logprob: Math.log(p) },
        { id: 2, text: "b", logprob: Math.log(other) },
      ],
    });
  assert.deepEqual([fork(0.5, 0.3), fork(0.5, 0.2), fork(0.1, 0.8)], [true, false, true]);
});

test("bytes of one character are joined, and tokens are seen and said", () => {
  const names = ["", "a", "bytes:\\xe2", "bytes:\\x96\\x81", " b", "bytes:\\xff", "c\n", ""];
  assert.deepEqual(piecesOf(names), [
    { text: "", mark: "start" },
    { text: "a", mark: null },
    { text: "", mark: "part" },
    { text: "▁", mark: null },
    { text: " b", mark: null },
    { text: "\uFFFD", mark: null },
    { text: "c\n", mark: null },
    { text: "", mark: "end" },
  ]);
  assert.deepEqual(names.map(visible), ["no text", "a", "e2", "96 81", "·b", "ff", "c↵", "no text"]);
  assert.deepEqual(["\n", "  ", " x", "bytes:\\xe2"].map(spoken), ["line end", "2 spaces", "x", "bytes e2"]);
});

test("numbers are read as the server takes them; stop texts keep their line ends", () => {
  const range = { least: 0, most: 2 };
  assert.deepEqual([readNumber("0,8", range), readNumber(" 1.5 ", range)], [0.8, 1.5]);
  for (const text of ["", "x", "-1", "2.1", "1e9", "NaN", "Infinity"])
    assert.equal(readNumber(text, range), null, text);
  assert.equal(readNumber("1.5", { ...range, isInteger: true }), null);
  assert.deepEqual(readStops("a\\n\n b \n\\\\n"), ["a\n", " b ", "\\n"]);
  assert.deepEqual(readStops(writeStops(["a\n", "\\n", "\t"])), ["a\n", "\\n", "\t"]);
});

test("times and rates are short", () => {
  assert.deepEqual([12.4, 1234, 125_000].map(seconds), ["12 ms", "1.2 s", "2 min"]);
  assert.deepEqual([5.43, 61.2].map(rate), ["5.4 tokens/s", "61 tokens/s"]);
});
