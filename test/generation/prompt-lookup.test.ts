import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../src/generation/sampling/random.js";
import { PromptLookup } from "../../src/generation/speculation/prompt-lookup.js";

function lookupOf(ids: readonly number[]): PromptLookup {
  const lookup = new PromptLookup(ids.length);
  for (const id of ids) lookup.push(id);
  return lookup;
}

test("the tokens that followed an earlier occurrence are proposed", () => {
  assert.deepEqual(lookupOf([5, 6, 7, 8, 9, 5, 6]).propose(3), { ids: [7, 8, 9], matched: 2 });
  assert.deepEqual(lookupOf([1, 2, 3, 4, 5, 6, 1, 2, 3, 4]).propose(2), { ids: [5, 6], matched: 4 });
});

test("nothing is proposed without a match of two tokens, and the end does not match itself", () => {
  for (const ids of [[], [1], [1, 2], [1, 2, 3, 4], [1, 2, 3, 2]]) assert.equal(lookupOf(ids).propose(4), null);
  assert.equal(lookupOf([1, 2, 1, 2]).propose(0), null);
});

test("the longest match wins, then the latest", () => {
  // 2 3 occurs twice before the end, 1 2 3 only at the start.
  assert.deepEqual(lookupOf([1, 2, 3, 10, 9, 2, 3, 20, 1, 2, 3]).propose(1), { ids: [10], matched: 3 });
  assert.deepEqual(lookupOf([1, 2, 3, 10, 1, 2, 3, 20, 1, 2, 3]).propose(1), { ids: [20], matched: 3 });
});

test("a repetition at the end is continued", () => {
  assert.deepEqual(lookupOf([9, 1, 2, 1, 2]).propose(5)!.ids, [1, 2, 1, 2, 1]);
  assert.deepEqual(lookupOf([3, 3, 3]).propose(4)!.ids, [3, 3, 3, 3]);
});

test("a long match is followed even if a shorter one is more recent", () => {
  const long = Array.from({ length: 12 }, (_, i) => 50 + i);
  const lookup = lookupOf([...long, 1, 2, ...long.slice(2, 6), 99, ...long.slice(0, 5), 0]);
  assert.equal(lookup.propose(1), null);
  const followed = new PromptLookup(100);
  for (const id of [...long, 1, 2, ...long.slice(2, 6), 99, ...long.slice(0, 5)]) {
    followed.push(id);
    followed.propose(1);
  }
  followed.push(long[5]!);
  // The latest 4-gram is followed by 99, the six matching tokens by long[6].
  assert.deepEqual(followed.propose(1), { ids: [long[6]], matched: 6 });
});

test("on random text every proposal followed the same n-gram before, and long matches are found", () => {
  const random = createRandom(3);
  const ids: number[] = [];
  const lookup = new PromptLookup(2000);
  let found = 0;
  let possible = 0;
  for (let i = 0; i < 2000; i++) {
    const id = Math.floor(random() * 12);
    lookup.push(id);
    ids.push(id);
    const proposal = lookup.propose(2);
    const tail = ids.slice(-4).join();
    let exists = false;
    for (let at = 4; at < ids.length && !exists; at++) exists = ids.slice(at - 4, at).join() === tail;
    if (exists) possible++;
    if (!proposal) continue;
    const { matched } = proposal;
    assert.ok(matched >= 2);
    if (exists && matched >= 4) found++;
    const agreeing = ids.slice(-matched);
    const place = [...ids.keys()].some(
      (at) => at > 0 && at + matched < ids.length && agreeing.every((token, j) => ids[at + j] === token),
    );
    assert.ok(place || agreeing.every((token, j) => ids[j] === token));
  }
  // The tables are direct-mapped, so a few matches are lost.
  assert.ok(possible > 50 && found > 0.8 * possible, `${found} of ${possible}`);
});
