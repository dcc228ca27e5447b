import assert from "node:assert/strict";
import { test } from "node:test";
import { demoModel, Llama } from "../../src/index.js";
import { soak } from "./soak.js";

test("requests at random, cancelled, slow, failing or left, 200 at once: what ends is the text of a single run", async (t) => {
  const llama = await Llama.build({ ...demoModel, dtype: "fp32", kvMemory: 60e6, maxQueue: 150 });
  try {
    const counts = await soak(llama, { seed: 3, requests: 800, minutes: 1 });
    t.diagnostic(JSON.stringify(counts));
    for (const [name, count] of Object.entries(counts))
      if (name !== "refused") assert.ok(count > 5, `${name}: ${count}`);
  } finally {
    await llama.close();
  }
});
