import assert from "node:assert/strict";
import { test } from "node:test";
import { Penalties, type PenaltyOptions } from "../../src/generation/sampling/penalties.js";
import { createRandom } from "../../src/generation/sampling/random.js";

const off: PenaltyOptions = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() };

/** The definitions, computed from the whole lists each time. */
function slow(logits: Float32Array, prompt: number[], text: number[], options: PenaltyOptions): number[] {
  return Array.from(logits, (logit, id) => {
    let value = Math.fround(logit + (options.logitBias.get(id) ?? 0));
    const count = text.filter((one) => one === id).length;
    if (count > 0 || prompt.includes(id)) {
      value = value > 0 ? value / options.repetitionPenalty : value * options.repetitionPenalty;
    }
    return Math.fround(value - (count > 0 ? options.presencePenalty : 0) - options.frequencyPenalty * count);
  });
}

test("bias and penalties match their definitions, token by token", () => {
  const random = createRandom(3);
  const logits = Float32Array.from({ length: 12 }, () => random() * 8 - 4);
  const prompt = [1, 2, 2, 5];
  const logitBias = new Map([
    [2, 1.5],
    [7, Number.NEGATIVE_INFINITY],
  ]);
  for (const options of [
    { ...off, repetitionPenalty: 1.3 },
    { ...off, presencePenalty: 0.5 },
    { ...off, frequencyPenalty: -0.25 },
    { ...off, logitBias },
    { repetitionPenalty: 0.8, presencePenalty: 1, frequencyPenalty: 0.3, logitBias },
  ]) {
    const penalties = new Penalties(options, prompt);
    const text: number[] = [];
    for (const id of [3, 3, 2, 9, 3]) {
      const changed = penalties.apply(logits);
      slow(logits, prompt, text, options).forEach((value, at) => {
        assert.ok(
          Math.abs(changed[at]! - value) < 1e-6 || changed[at] === value,
          `${JSON.stringify(options)} at ${at}`,
        );
      });
      penalties.push(id);
      text.push(id);
    }
  }
});

test("the given logits are not changed, and no penalty is active by default", () => {
  const logits = Float32Array.of(1, 2);
  new Penalties({ ...off, repetitionPenalty: 2 }, [0, 1]).apply(logits);
  assert.deepEqual([...logits], [1, 2]);
  assert.equal(Penalties.isActive(off), false);
});
