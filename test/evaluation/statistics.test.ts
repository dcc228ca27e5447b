/** Figures, intervals and tests, against values by hand and by scipy 1.15. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregate, aggregateGroup } from "../../src/evaluation/metrics/aggregate.js";
import { exactMatch, paperMatch } from "../../src/evaluation/metrics/exact-match.js";
import { extract, majority } from "../../src/evaluation/metrics/filters.js";
import { normalInterval, wilson } from "../../src/evaluation/metrics/interval.js";
import { difference, holm, mcNemar, signFlip } from "../../src/evaluation/metrics/paired.js";
import { passAtK } from "../../src/evaluation/metrics/pass-at-k.js";
import { createRandom } from "../../src/generation/sampling/random.js";

const MEAN = { aggregation: "mean", higherIsBetter: true } as const;
const near = (value: number, wanted: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(value - wanted) <= tolerance, `${value}, not ${wanted}`);

test("a mean has a standard error, except of one document; a group's is pooled", () => {
  const { value, stderr } = aggregate(MEAN, [1, 0, 0, 1, 1])!;
  near(value, 0.6);
  near(stderr!, Math.sqrt(0.3 / 5));
  assert.equal(aggregate(MEAN, [1])!.stderr, null);
  assert.equal(aggregate(MEAN, []), null);
  const group = aggregateGroup([
    { value: 0.5, stderr: 0.1, count: 10 },
    { value: 0.8, stderr: 0.2, count: 20 },
  ])!;
  near(group.value, 0.7);
  near(group.stderr!, Math.sqrt((9 * 0.01 * 10 + 19 * 0.04 * 20) / 28 / 30));
  assert.equal(aggregateGroup([{ value: 1, stderr: null, count: 1 }])!.stderr, null);
});

test("perplexities are weighted by words and bytes", () => {
  const info = { aggregation: "weighted_perplexity", higherIsBetter: false } as const;
  const pairs = [
    [-10, 4],
    [-20, 6],
  ] as const;
  near(aggregate(info, pairs)!.value, Math.exp(3));
  near(aggregate({ ...info, aggregation: "bits_per_byte" }, pairs)!.value, 3 / Math.LN2);
});

test("intervals: Wilson's for shares, the normal one for others", () => {
  const [low, high] = wilson(0.7, 60);
  near(low, 0.5749105, 1e-6);
  near(high, 0.8010199, 1e-6);
  assert.equal(wilson(0, 20)[0], 0);
  near(wilson(0, 20)[1], 0.1611, 1e-4);
  near(wilson(1, 20)[1], 1);
  assert.deepEqual(normalInterval(2, 1), [2 - 1.96, 2 + 1.96]);
  assert.equal(normalInterval(2, null), null);
});

test("McNemar's exact test is a binomial test of the documents that only one run has right", () => {
  near(mcNemar(3, 10), 0.09228515625);
  assert.equal(mcNemar(5, 5), 1);
  assert.equal(mcNemar(0, 0), 1);
  near(mcNemar(0, 10), 2 / 1024);
  near(mcNemar(480, 560), 0.0142590791, 1e-9);
});

test("differences of pairs have an interval; the permutation test of signs has the right p", () => {
  const { value, interval, count } = difference([1, 1, 0, 1], [0, 1, 1, 0]);
  assert.deepEqual([value, count], [0.25, 4]);
  near(interval![1] - value, (1.96 * Math.sqrt(2.75 / 3)) / 2);
  assert.equal(difference([1], [0]).interval, null);
  // All 10 of one sign: 2 of 1024 arrangements are as far from 0.
  near(signFlip(new Array(10).fill(0.3), createRandom(1)), 2 / 1024, 2e-3);
  near(signFlip([1, -1, 2, -2], createRandom(1)), 1);
  assert.equal(signFlip([0, 0], createRandom(1)), 1);
  assert.equal(signFlip([0.5, 1, -2, 3], createRandom(7)), signFlip([0.5, 1, -2, 3], createRandom(7)));
});

test("Holm's correction keeps the order and never exceeds 1", () => {
  const corrected = holm([0.04, 0.01, 0.03]);
  for (const [i, wanted] of [0.06, 0.03, 0.06].entries()) near(corrected[i]!, wanted);
  assert.deepEqual(holm([0.9, 0.8]), [1, 1]);
  assert.deepEqual(holm([]), []);
});

test("pass@k is 1 - C(n-c, k) / C(n, k)", () => {
  near(passAtK(5, 2, 1), 0.4);
  near(passAtK(10, 3, 5), 1 - 21 / 252);
  assert.equal(passAtK(10, 0, 5), 0);
  assert.equal(passAtK(10, 6, 5), 1);
  near(passAtK(200, 1, 100), 0.5);
});

test("the paper's match ignores case, articles, punctuation and doubled spaces", () => {
  assert.ok(paperMatch(" The  Red-Ball ", ["a redball"]));
  assert.ok(!paperMatch("red", ["red ball"]));
  assert.ok(exactMatch("x", ["y", "x"], {}));
  assert.ok(!exactMatch("X", ["x"], {}));
});

test("a filter takes the first or last match, and says where it finds nothing", () => {
  assert.equal(extract("1 and 22", /(-?[0-9]+)/g, "last"), "22");
  assert.equal(extract("none", /(-?[0-9]+)/g, "first"), "[invalid]");
  assert.equal(majority(["b", "a", "a", "b", "c"]), "b");
});
