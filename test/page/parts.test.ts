/** Small parts of the page by themselves: what probabilities are called, how tokens and parameters are read and written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skip, startBrowser } from "./browser.js";
import { openStage } from "./stage.js";

const browser = await startBrowser();
const stage =
  browser &&
  (await openStage(
    browser,
    `import * as measure from "./src/tokens/measure.js";
import * as texts from "./src/tokens/texts.js";
import * as fields from "./src/panel/fields.js";
import * as amounts from "./src/gauges/amounts.js";
Object.assign(globalThis, { measure, texts, fields, amounts });`,
  ));

const run = <T>(code: string) => stage!.page.evaluate<T>(code);

test("probabilities have a level, and as many digits as say something", { skip }, async () => {
  const shown = (p: number) => run(`measure.percent(Math.log(${p}))`);
  assert.equal(await shown(1), "100 %");
  assert.equal(await shown(0.9994), "100 %");
  assert.equal(await shown(0.123), "12 %");
  assert.equal(await shown(0.0123), "1.2 %");
  assert.equal(await shown(0.000_123), "0.012 %");
  assert.equal(await run("measure.percent(-9999)"), "< 0.001 %");
  const levels = "[0.95, 0.9, 0.6, 0.3, 0.1, 0.01].map((p) => measure.levelOf({ logprob: Math.log(p) }))";
  assert.deepEqual(await run(levels), [0, 0, 1, 2, 3, 4]);
  assert.equal(await run("measure.levelOf({ logprob: null })"), null);
});

test("a fork is where another token was at least half as likely", { skip }, async () => {
  const fork = (p: number, other: number) =>
    run(`measure.isFork({ id: 1, text: "a", logprob: Math.log(${p}),
      top: [{ id: 1, text: "a", logprob: Math.log(${p}) }, { id: 2, text: "b", logprob: Math.log(${other}) }] })`);
  assert.equal(await fork(0.5, 0.3), true);
  assert.equal(await fork(0.5, 0.2), false);
  assert.equal(await fork(0.1, 0.8), true);
});

test("bytes of one character are joined, and tokens are seen and said", { skip }, async () => {
  const names = JSON.stringify(["", "a", "bytes:\\xe2", "bytes:\\x96\\x81", " b", "bytes:\\xff", "c\n", ""]);
  assert.deepEqual(await run(`texts.piecesOf(${names})`), [
    { text: "", mark: "start" },
    { text: "a", mark: null },
    { text: "", mark: "part" },
    { text: "▁", mark: null },
    { text: " b", mark: null },
    { text: "\uFFFD", mark: null },
    { text: "c\n", mark: null },
    { text: "", mark: "end" },
  ]);
  assert.deepEqual(await run(`${names}.map(texts.visible)`), [
    "no text",
    "a",
    "e2",
    "96 81",
    "·b",
    "ff",
    "c↵",
    "no text",
  ]);
  assert.deepEqual(await run(`["\\n", "  ", " x", "bytes:\\\\xe2"].map(texts.spoken)`), [
    "line end",
    "2 spaces",
    "x",
    "bytes e2",
  ]);
});

test("numbers are read as the server takes them; stop texts keep their line ends", { skip }, async () => {
  const read = (text: string, more = "") =>
    run(`fields.readNumber(${JSON.stringify(text)}, { least: 0, most: 2${more} })`);
  assert.equal(await read("0,8"), 0.8);
  assert.equal(await read(" 1.5 "), 1.5);
  for (const text of ["", "x", "-1", "2.1", "1e9", "NaN", "Infinity"]) assert.equal(await read(text), null, text);
  assert.equal(await read("1.5", ", isInteger: true"), null);
  assert.deepEqual(await run("fields.readStops('a\\\\n\\n\\n b \\n\\\\\\\\n')"), ["a\n", " b ", "\\n"]);
  assert.deepEqual(await run("fields.readStops(fields.writeStops(['a\\n', '\\\\n', '\\t']))"), ["a\n", "\\n", "\t"]);
});

test("times and rates are short", { skip }, async () => {
  assert.deepEqual(await run("[12.4, 1234, 125000].map(amounts.seconds)"), ["12 ms", "1.2 s", "2 min"]);
  assert.deepEqual(await run("[5.43, 61.2].map(amounts.rate)"), ["5.4 tokens/s", "61 tokens/s"]);
});
