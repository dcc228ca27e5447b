import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createRandom } from "../../src/generation/sampling/random.js";
import { createSampler, keepTokens } from "../../src/generation/sampling/sampler.js";

const golden = new URL("../../../../shared/data/golden/top_p.json", import.meta.url);
const skip = existsSync(golden) ? false : "shared test data is not here";
const { NEGATIVE_INFINITY, NaN: NOT_A_NUMBER, POSITIVE_INFINITY } = Number;
const off = { topK: 0, topP: 1, minP: 0 };
const never = () => assert.fail("greedy sampling needs no randomness");

function softmax(logits: ArrayLike<number>, temperature: number): Float64Array {
  const list = Array.from(logits);
  const max = Math.max(...list);
  const exps = list.map((logit) => Math.exp((logit - max) / temperature));
  const sum = exps.reduce((a, b) => a + b);
  return Float64Array.from(exps, (value) => value / sum);
}

/** The definition, by sorting everything. */
function slowTopP(probs: Float64Array, p: number): number[] {
  const ids = Array.from(probs.keys()).sort((a, b) => probs[b]! - probs[a]! || a - b);
  const kept: number[] = [];
  let mass = 0;
  for (const id of ids) {
    if (mass > p) break;
    kept.push(id);
    mass += probs[id]!;
  }
  return kept;
}

test("temperature 0 picks the first maximum", () => {
  const sample = createSampler({ ...off, temperature: 0, topP: 0.9 });
  assert.equal(sample(Float32Array.of(-1, 3, 2, 3), never), 1);
  assert.equal(sample(Float32Array.of(NEGATIVE_INFINITY, -5), never), 1);
});

test("top-p keeps the token that crosses p, and always at least one", () => {
  const probs = Float64Array.of(0.25, 0.25, 0.25, 0.25);
  assert.deepEqual([...keepTokens(probs, { ...off, topP: 0 }).ids], [0]);
  assert.deepEqual([...keepTokens(probs, { ...off, topP: 0.2 }).ids], [0]);
  assert.deepEqual([...keepTokens(probs, { ...off, topP: 0.25 }).ids], [0, 1]);
  assert.deepEqual([...keepTokens(probs, { ...off, topP: 0.5 }).ids], [0, 1, 2]);
  assert.deepEqual([...keepTokens(Float64Array.of(0.1, 0, 0.9), { ...off, topP: 1 }).ids], [2, 0, 1]);
  assert.deepEqual([...keepTokens(Float64Array.of(0, 1), { ...off, topP: 0.5 }).probs], [1]);
});

test("top-p keeps the same tokens as sorting does", () => {
  const random = createRandom(5);
  for (const [n, spread] of [
    [1, 1],
    [2, 0],
    [7, 3],
    [100, 0.1],
    [3000, 4],
    [3000, 0],
  ] as const) {
    const logits = Float32Array.from({ length: n }, () => Math.round(random() * spread * 20) / 4);
    const probs = softmax(logits, 0.8);
    for (const p of [0, 0.1, 0.5, 0.9, 0.99, 0.999999]) {
      const kept = keepTokens(probs, { ...off, topP: p });
      assert.deepEqual([...kept.ids], slowTopP(probs, p), `${n} tokens, p ${p}`);
      assert.ok(Math.abs(kept.probs.reduce((a, b) => a + b) - 1) < 1e-12);
    }
  }
});

/** The definitions in order, each applied to what the previous one kept. */
function slowKeep(probs: Float64Array, topK: number, topP: number, minP: number): number[] {
  let ids = Array.from(probs.keys()).sort((a, b) => probs[b]! - probs[a]! || a - b);
  if (topK > 0) ids = ids.slice(0, topK);
  const total = ids.reduce((sum, id) => sum + probs[id]!, 0);
  const shares = Float64Array.from(ids, (id) => probs[id]! / total);
  ids = slowTopP(shares, topP).map((place) => ids[place]!);
  return ids.filter((id) => probs[id]! >= minP * probs[ids[0]!]!);
}

test("top-k, top-p and min-p keep the tokens that their definitions keep", () => {
  const random = createRandom(9);
  for (const n of [1, 2, 30, 2000]) {
    const logits = Float32Array.from({ length: n }, () => random() * 8);
    const probs = softmax(logits, 1.1);
    for (const topK of [0, 1, 5, 40, 5000]) {
      for (const topP of [0, 0.5, 0.95, 1]) {
        for (const minP of [0, 0.02, 0.3, 1]) {
          const kept = keepTokens(probs, { topK, topP, minP });
          const what = `${n} tokens, top_k ${topK}, top_p ${topP}, min_p ${minP}`;
          assert.deepEqual([...kept.ids], slowKeep(probs, topK, topP, minP), what);
          assert.ok(Math.abs(kept.probs.reduce((a, b) => a + b) - 1) < 1e-12, what);
        }
      }
    }
  }
});

test("the sampler applies top-k and min-p too", () => {
  const logits = Float32Array.of(1, 4, 3, 2);
  const last = () => 0.999999;
  assert.equal(createSampler({ ...off, temperature: 1, topK: 2 })(logits, last), 2);
  assert.equal(createSampler({ ...off, temperature: 1, minP: 0.2 })(logits, last), 2);
  assert.equal(createSampler({ ...off, temperature: 1 })(logits, last), 3);
});

test("top-p keeps the same tokens as Meta's code", { skip }, () => {
  const { logits, cases } = JSON.parse(readFileSync(golden, "utf8"));
  assert.ok(cases.length > 100);
  for (const { logits: name, temperature, top_p, kept, kept_ids, kept_probs, inverse_cdf } of cases) {
    const values = Float32Array.from(logits[name] as (number | null)[], (value) => value ?? NEGATIVE_INFINITY);
    const result = keepTokens(softmax(values, temperature), { ...off, topP: top_p });
    const what = `${name}, temperature ${temperature}, top_p ${top_p}`;
    assert.equal(result.ids.length, kept, what);
    assert.deepEqual([...result.ids].slice(0, kept_ids.length), kept_ids, what);
    for (const [i, prob] of kept_probs.entries()) assert.ok(Math.abs(result.probs[i]! - prob) < 1e-5, what);
    const sample = createSampler({ ...off, temperature, topP: top_p });
    for (const [u, id] of inverse_cdf)
      assert.equal(
        sample(values, () => u),
        id,
        `${what}, u ${u}`,
      );
  }
});

test("tokens are sampled in proportion to their probabilities", () => {
  const logits = Float32Array.of(0, 1, NEGATIVE_INFINITY, 2);
  const expected = softmax(logits, 0.5);
  const sample = createSampler({ ...off, temperature: 0.5, topP: 1 });
  const random = createRandom(1);
  const counts = [0, 0, 0, 0];
  const n = 50_000;
  for (let i = 0; i < n; i++) counts[sample(logits, random)]!++;
  for (const [id, count] of counts.entries()) assert.ok(Math.abs(count / n - expected[id]!) < 0.01);
  assert.equal(counts[2], 0);
});

test("an impossible token is never picked at the ends of the range", () => {
  const logits = Float32Array.of(NEGATIVE_INFINITY, 0, 0, NEGATIVE_INFINITY);
  for (const topP of [0.9, 1]) {
    const sample = createSampler({ ...off, temperature: 1, topP });
    assert.equal(
      sample(logits, () => 0),
      1,
    );
    assert.equal(
      sample(logits, () => 1 - 2 ** -53),
      2,
    );
  }
});

test("sampling works with extreme logits and temperatures", () => {
  const logits = Float32Array.of(1e38, -3e38, 9e37);
  for (const temperature of [1e-320, 1e-6, 1]) {
    assert.equal(
      createSampler({ ...off, temperature, topP: 0.9 })(logits, () => 0.999),
      0,
    );
  }
  assert.equal(
    createSampler({ ...off, temperature: 1e300, topP: 1 })(logits, () => 0.999),
    2,
  );
});

test("logits that are not finite are refused", () => {
  for (const temperature of [0, 1]) {
    const sample = createSampler({ ...off, temperature, topP: 0.9 });
    for (const bad of [[0, NOT_A_NUMBER, 1], [NOT_A_NUMBER], [POSITIVE_INFINITY, 0], [NEGATIVE_INFINITY], []]) {
      assert.throws(() => sample(Float32Array.from(bad), () => 0.5), { name: "LlamaError", kind: "runtime" });
    }
  }
});
