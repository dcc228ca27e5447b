import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz.js";

test("changed files are read or rejected with a LlamaError, in bounded time and memory", (t) => {
  const { counts, slowestMs, failures } = fuzz({ seed: 1, count: 3000 });
  t.diagnostic(`slowest ${slowestMs.toFixed(0)} ms, ${JSON.stringify(counts)}`);
  assert.deepEqual(failures, []);
  for (const [name, { read, refused }] of Object.entries(counts)) {
    // If the first check rejected all mutations, the rest of the reader would not be tested.
    assert.ok(refused > 30, `${name}: ${refused} rejected`);
    assert.ok(read > 10, `${name}: ${read} read`);
  }
});
