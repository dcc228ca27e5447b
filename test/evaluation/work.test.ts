/** How requests become passes: ids, windows, passes that choices share, their order and cost. Runs no model. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { cutAtStops, RequestEncoder } from "../../src/evaluation/run/request-encoder.js";
import { requestKey } from "../../src/evaluation/run/request-key.js";
import { rollingWindows } from "../../src/evaluation/run/rolling-windows.js";
import { planWork } from "../../src/evaluation/run/work-plan.js";
import type { EvalRequest } from "../../src/evaluation/tasks/task.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { demo } from "../folders.js";

let tokenizer: Tokenizer;
const pair = (context: string, continuation: string): EvalRequest => ({ kind: "loglikelihood", context, continuation });
const keyed = (request: EvalRequest, document: number, task = "task") => ({
  key: requestKey(request),
  request,
  task,
  document,
});

describe("requests of an evaluation", () => {
  before(async () => {
    tokenizer = await loadTokenizer(`${demo}/tokenizer.model`);
  });

  test("a text of any length is scored in windows, each id once", () => {
    // get_rolling_token_windows(list(range(10)), prefix_token=100, max_seq_len=4, context_len=1), then make_disjoint_window.
    const windows = rollingWindows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 100, 4);
    assert.deepEqual(windows, [
      { context: [100], continuation: [0, 1, 2, 3] },
      { context: [3], continuation: [4, 5, 6, 7] },
      { context: [5, 6, 7], continuation: [8, 9] },
    ]);
    assert.deepEqual(rollingWindows([], 100, 4), []);
    assert.deepEqual(rollingWindows([7], 100, 4), [{ context: [100], continuation: [7] }]);
  });

  test("BOS is where the tokenizer, or the user, puts it, and before a text without a context always", () => {
    const ids = (rule: "auto" | "yes" | "no", context: string) => {
      const encoded = new RequestEncoder(tokenizer, 64, rule).encode(pair(context, " dog"));
      return encoded.kind === "score" ? encoded.parts[0]! : assert.fail();
    };
    const plain = tokenizer.encode("A big");
    assert.deepEqual(ids("auto", "A big").context, [1, ...plain]);
    assert.deepEqual(ids("yes", "A big").context, [1, ...plain]);
    assert.deepEqual(ids("no", "A big").context, plain);
    for (const rule of ["auto", "yes", "no"] as const) assert.deepEqual(ids(rule, "").context, [1]);
    // White space before the continuation belongs to it.
    assert.deepEqual(ids("auto", "A big \n").context, [1, ...plain]);
    assert.equal(tokenizer.decode(ids("no", "A big \n").continuation).trim(), "dog");
    const without = { ...tokenizer, addsBos: false, bosId: null };
    assert.throws(() => new RequestEncoder(without, 64, "yes"), /no token for the beginning/);
    assert.deepEqual(new RequestEncoder(without, 64, "auto").encode({ ...pair("A big", ""), kind: "rolling" }), {
      kind: "score",
      parts: [{ context: [without.eosId!], continuation: plain }],
      hasBos: false,
    });
  });

  test("what is too long loses its beginning, up to as many ids as the model takes and one", () => {
    const encoder = new RequestEncoder(tokenizer, 8, "auto");
    const encoded = encoder.encode(pair("one two three four five six seven eight nine", " ten"));
    assert.ok(encoded.kind === "score");
    const [{ context, continuation } = assert.fail()] = encoded.parts;
    assert.equal(context.length + continuation.length, 9);
    assert.throws(
      () => encoder.encode(pair("a", " ten".repeat(20))),
      /longer than the context .* at most 8 tokens, found/,
    );
    assert.throws(() => encoder.encode({ ...pair("a", ""), kind: "generate", maxGenToks: 8 }), /no room for a prompt/);
    const prompt = encoder.encode({ ...pair("one two three four five six", ""), kind: "generate", maxGenToks: 5 });
    assert.ok(prompt.kind === "text" && prompt.promptIds.length === 3);
    assert.deepEqual(prompt.stop, ["</s>"]);
  });

  test("choices of one token need one pass; the tokens of shared prefixes are counted once", async () => {
    const context = "The following are questions. What is red? A. a ball B. the sea Answer:";
    const requests = ["A", "B", "C", "D"].map((letter) => keyed(pair(context, ` ${letter}`), 0));
    const longer = keyed(pair(`${context} A. Another question that is longer:`, " A"), 1);
    const plan = await planWork([...requests, longer], new RequestEncoder(tokenizer, 512, "auto"));
    const [first, second] = plan.passes;
    assert.equal(plan.passes.length, 2);
    // The longest document comes first.
    assert.equal(first!.owners[0]!.key, longer.key);
    assert.deepEqual(
      second!.owners.map(({ key }) => key),
      requests.map(({ key }) => key),
    );
    assert.equal(second!.lastIds.length, 3);
    const [long, short] = [first!.context.length, second!.context.length];
    assert.equal(plan.cost.alone, long + 4 * short);
    assert.ok(plan.cost.computed <= long + 2, `${plan.cost.computed} tokens`);
  });

  test("a key depends on all that the answer depends on, and on nothing else", () => {
    const text: EvalRequest = { ...pair("a", ""), kind: "generate", until: ["."], maxGenToks: 5 };
    assert.equal(requestKey(text), requestKey({ ...text, temperature: 0, seed: 4 }));
    const others = [
      { until: [","] },
      { maxGenToks: 6 },
      { context: "b" },
      { temperature: 1, seed: 1 },
      { temperature: 1, seed: 2 },
    ];
    const keys = new Set([text, ...others.map((other) => ({ ...text, ...other }))].map(requestKey));
    assert.equal(keys.size, others.length + 1);
    assert.notEqual(requestKey(pair("a", " b")), requestKey(pair("a ", "b")));
  });

  test("a text ends before the first of each stop string in turn", () => {
    assert.equal(cutAtStops(" Paris, in France.\n", ["\n", ".", ","]), " Paris");
    assert.equal(cutAtStops("none", ["", "x"]), "none");
  });
});
