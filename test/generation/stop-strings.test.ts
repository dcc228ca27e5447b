import assert from "node:assert/strict";
import { test } from "node:test";
import { StopStrings } from "../../src/generation/completion/stop-strings.js";
import { createRandom } from "../../src/generation/sampling/random.js";

/** The definition: the text before the stop string that is complete first; of several, the longest. */
function slow(text: string, stops: string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop)).sort((a, b) => b.length - a.length);
    if (ending[0] !== undefined) return text.slice(0, end - ending[0].length);
  }
  return text;
}

test("the text ends before the first stop string, however the text is split into pieces", () => {
  const random = createRandom(2);
  const word = (length: number) => Array.from({ length }, () => "ab\n"[Math.floor(random() * 3)]).join("");
  for (let round = 0; round < 2000; round++) {
    const text = word(Math.floor(random() * 14));
    const stops = Array.from({ length: 1 + Math.floor(random() * 3) }, () => word(1 + Math.floor(random() * 4)));
    const matcher = new StopStrings(stops);
    let out = "";
    for (let at = 0; at < text.length; ) {
      const length = 1 + Math.floor(random() * 3);
      out += matcher.push(text.slice(at, at + length));
      at += length;
    }
    out += matcher.flush();
    assert.equal(out, slow(text, stops), JSON.stringify({ text, stops }));
  }
});

test("only text that may begin a stop string is held back", () => {
  const matcher = new StopStrings(["\nUser:"]);
  assert.equal(matcher.push("Hello\nU"), "Hello");
  assert.equal(matcher.push("nder\n"), "\nUnder");
  assert.equal(matcher.push("User"), "");
  assert.equal(matcher.push(": x"), "");
  assert.equal(matcher.found, "\nUser:");
  assert.equal(matcher.push("more"), "");
});
