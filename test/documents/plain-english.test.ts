/** Words of a dialect that cost readers time do not come back where a person reads: code, help, messages, tests, documents. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { test } from "node:test";
import { ROOT } from "../source-files.js";

/** What is not said, and what is said in its place. */
const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/\breckon/i, "estimate, compute"],
  [/\b(get|gets|got|getting|go|goes|going|gone|went) on\b/i, "continue, make progress"],
  [/\bwant of\b/i, "out of, no"],
  [/\bso many\b/i, "n, this many"],
  [/\bstands? (in|on|there|for|before|behind|beside|below|above)\b/i, "is in, is"],
  [/\bat hand\b/i, "available"],
  [/\bwhichever\b/i, "the first that, any"],
  [/\banew\b/i, "again"],
  [/\b(is|are|was|be|been) told\b|\btold (of|as|about)\b|\btells? of\b/i, "reported, called with"],
  [/\b(is|are|that is|and) none\b/i, "no, not a"],
  [/\bbehind\b/i, "after"],
  [/\bknows not\b/i, "does not know"],
  [/\ball the same\b/i, "anyway"],
  [/\b(of ours|of theirs|of its own accord)\b/i, "our, their, by itself"],
  [/\bbesides\b/i, "also"],
  [/\b(that|which|and|this|it) is no (?!longer|more\b)/i, "is not a"],
];

const TEXTS = /(?<!\.d)\.(c?tsx?|js|md|json|html)$/;
const SKIPPED = /^(test\/fixtures|bench\/peer\/(node_modules|package))|^test\/documents\/plain-english|\.schema\.json$/;

function filesBelow(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return names.map((name) => `${folder}/${name.split(sep).join("/")}`);
}

const files = ["README.md", "CONTRIBUTING.md", ...["src", "test", "bench", "docs", "web"].flatMap(filesBelow)].filter(
  (name) => TEXTS.test(name) && !SKIPPED.test(name),
);

for (const name of files) {
  test(`${name} is in plain English`, () => {
    const found = readFileSync(join(ROOT, name), "utf8")
      .split("\n")
      .flatMap((line, i) => {
        const hit = INSTEAD.find(([words]) => words.test(line));
        return hit ? [`${i + 1}: "${hit[0].exec(line)![0]}", say ${hit[1]}: ${line.trim()}`] : [];
      });
    assert.deepEqual(found, []);
  });
}
