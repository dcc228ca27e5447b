/** How many prompt tokens a step takes beside texts, on one host and over stages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StepPace } from "../../src/generation/scheduling/step-pace.js";
import { StepCost } from "../../src/generation/speculation/step-cost.js";

function pace(stepMs: number, depth: number, tokenMs: number): StepPace {
  const made = new StepPace("int8", stepMs, depth);
  made.observe(1, tokenMs);
  return made;
}

/** Milliseconds of a step of `tokens`, if one of a single token takes `tokenMs`. */
function cost(tokens: number, tokenMs: number): number {
  const made = new StepCost("int8");
  made.observe(1, tokenMs);
  return made.of(tokens);
}

test("on one host a step takes about stepMs, however long a token takes, and 8 tokens always run", () => {
  const tokens = pace(1000, 1, 50).chunk(1, 256);
  assert.ok(cost(1 + tokens, 50) <= 1000 && cost(1 + 1.3 * tokens, 50) > 1000, String(tokens));
  assert.equal(pace(1000, 1, 1800).chunk(1, 256), 8);
});

test("over stages all steps in flight together take stepMs, or a prompt doubles a step that takes longer anyway; 16 tokens always run", () => {
  const tokens = pace(1000, 4, 50).chunk(1, 256);
  assert.ok(cost(1 + tokens, 50) <= 250 && cost(1 + 1.3 * tokens, 50) > 250, String(tokens));
  // A stage of a model of 70B takes 900 ms for a token or 16 texts alike: the prompt's tokens may take as long again.
  const [few, many] = [pace(1000, 2, 900).chunk(1, 256), pace(1000, 2, 900).chunk(16, 256)];
  assert.equal(few, 16);
  assert.ok(cost(16 + many, 900) <= 2 * cost(16, 900) && many > 16, String(many));
});

test("without a measured step a prompt begins with 32 tokens", () => {
  assert.equal(new StepPace("int8", 1000).chunk(3, 256), 32);
});
