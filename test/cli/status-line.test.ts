import assert from "node:assert/strict";
import { test } from "node:test";
import { amountText, promptText } from "../../src/cli/terminal/status-line.js";

test("loading shows bytes, percent and the time left", () => {
  assert.equal(amountText("Loading", 0, 13.5e9, 0), "Loading 0.0 of 13.5 GB (0 %)");
  assert.equal(amountText("Loading", 7.1e9, 13.5e9, 13_300), "Loading 7.1 of 13.5 GB (52 %), 12 s left");
  assert.equal(amountText("Loading", 1e9, 100e9, 10_000), "Loading 1.0 of 100.0 GB (1 %), 17 min left");
  assert.equal(amountText("Loading", 2e6, 3e6, 100), "Loading 2.0 of 3.0 MB (66 %)");
  assert.equal(amountText("Loading", 3e6, 3e6, 900), "Loading 3.0 of 3.0 MB (100 %)");
  assert.equal(amountText("Loading", 0, 0, 900), "Loading");
});

test("reading a prompt shows tokens, rate and the time left", () => {
  assert.equal(promptText(512, 3000, 20_480), "Reading the prompt: 512 of 3000 tokens, 25 tok/s, 100 s left");
  assert.equal(promptText(256, 300, 100_000), "Reading the prompt: 256 of 300 tokens, 2.6 tok/s, 18 s left");
});
