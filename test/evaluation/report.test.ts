/** Outputs that are read back, compared and shown: those of lm-evaluation-harness, broken ones, and ones with hostile names. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { compareOutputs } from "../../src/evaluation/compare/compare-outputs.js";
import { readOutput } from "../../src/evaluation/compare/read-output.js";
import { calibrationBins, calibrationError } from "../../src/evaluation/report/calibration.js";
import { reportPage } from "../../src/evaluation/report/page.js";

const folder = mkdtempSync(join(tmpdir(), "llama-ts-report-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  hash: string;
  likelihoods: [number, number];
  acc: number;
  bias?: string;
}

/** Files in the form of lm-evaluation-harness, with its names of times. */
function write(name: string, rows: readonly Row[], task = "piqa", model = name): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  const time = "2026-01-02T03-04-05.678901";
  const metric = task === "piqa" ? "acc" : "pct_stereotype";
  const lines = rows.map(({ hash, likelihoods, acc, bias }, i) => ({
    ...{
      doc_id: i,
      doc: { bias_type: bias },
      target: "0",
      doc_hash: hash,
      prompt_hash: "p",
      target_hash: "t",
      filter: "none",
    },
    arguments: { gen_args_0: { arg_0: "c", arg_1: " yes" }, gen_args_1: { arg_0: "c", arg_1: " no" } },
    resps: likelihoods.map((value) => [[String(value), "False"]]),
    ...{ filtered_resps: [], metrics: [metric], [metric]: acc },
  }));
  const mean = rows.reduce((sum, { acc }) => sum + acc, 0) / rows.length;
  const results = { [task]: { name: task, alias: task, sample_len: rows.length, [`${metric},none`]: mean } };
  writeFileSync(join(path, `samples_${task}_${time}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  writeFileSync(
    join(path, `results_${time}.json`),
    JSON.stringify({ results, "n-shot": { [task]: 0 }, model_name: model }),
  );
  return path;
}

const row = (hash: string, yes: number, no: number, acc: number): Row => ({ hash, likelihoods: [yes, no], acc });

describe("outputs of evaluations", () => {
  test("are compared document by document, equal ones in their order", () => {
    const a = write("a", [row("x", -1, -2, 1), row("x", -1, -3, 1), row("y", -2, -1, 0), row("z", -1, -2, 1)]);
    const b = write("b", [row("z", -1.5, -1, 0), row("x", -1, -2, 1), row("x", -4, -3, 0), row("y", -2, -1.5, 0)]);
    const { metrics, answers, notes } = compareOutputs(readOutput(a), readOutput(b));
    const [acc] = metrics;
    assert.deepEqual([acc!.a, acc!.b, acc!.difference, acc!.only], [0.75, 0.25, 0.5, { a: 2, b: 0 }]);
    assert.equal(acc!.p, 0.5);
    const [{ changed, likelihoods } = assert.fail()] = answers;
    // The larger change first: (-1 - -3) + (-3 - -4), then (-1 - -2) + (-1 - -1.5).
    assert.deepEqual(
      changed.map(({ docId, a, b, effect, size }) => [docId, a, b, effect, size]),
      [
        [1, " yes", " no", "lost", 3],
        [3, " yes", " no", "lost", 1.5],
      ],
    );
    assert.equal(likelihoods!.largest, 3);
    assert.deepEqual(notes, []);
    for (const { difference, p, corrected } of compareOutputs(readOutput(a), readOutput(a)).metrics) {
      assert.deepEqual([difference, p, corrected], [0, 1, 1]);
    }
  });

  test("are refused where their documents differ, with what is in common", () => {
    const a = write("c", [row("x", -1, -2, 1), row("y", -1, -2, 1)]);
    const b = write("d", [row("x", -1, -2, 1)]);
    assert.throws(
      () => compareOutputs(readOutput(a), readOutput(b)),
      /piqa: documents differ; .*found 2 and 1 samples, 1 in common/,
    );
  });

  test("that are broken are refused with the file and the line", () => {
    const path = write("broken", [row("x", -1, -2, 1)]);
    const samples = join(path, "samples_piqa_2026-01-02T03-04-05.678901.jsonl");
    for (const [text, message] of [
      ["{", /jsonl, line 1: is not JSON/],
      ["[]\n", /line 1: is not a sample: bad object; found a list of 0/],
      ['{"doc_id":"1"}\n', /bad doc_id; found "1"/],
      ['{"doc_id":1,"doc_hash":"x","metrics":5}\n', /bad metrics; found 5/],
    ] as const) {
      writeFileSync(samples, text);
      assert.throws(() => readOutput(path), message);
    }
    const results = join(path, "results_2026-01-02T03-04-05.678901.json");
    for (const text of ["", "[]", "null", '{"results":[]}', '{"results":{"a":5}}']) {
      writeFileSync(results, text);
      assert.throws(() => readOutput(path), /is not JSON|is not a file of results/);
    }
    assert.throws(() => readOutput(join(folder, "nowhere")), /no such file or folder/);
    mkdirSync(join(folder, "empty"));
    assert.throws(() => readOutput(join(folder, "empty")), /has no results; expected results_TIME\.json/);
    assert.throws(() => readOutput(folder), /has results of several models/);
  });

  test("make a page in which names are text, whatever they hold", () => {
    const hostile = "<script>alert(1)</script>\"'&\u0007";
    const rows = Array.from({ length: 20 }, (_, i) => ({ ...row(`x${i}`, -1, -2, i % 2), bias: "gender" }));
    const page = reportPage([
      readOutput(write("e", rows, "crows_pairs_english", hostile)),
      readOutput(write("f", rows)),
    ]);
    assert.doesNotMatch(page, /<script/);
    assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;\ufffd/);
    assert.match(page, /Gender/);
    assert.match(page, /20 pairs/);
    assert.doesNotMatch(page, /NaN|undefined|\[object/);
    // Every element is closed.
    const open: string[] = [];
    for (const [, slash, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/gi)) {
      if (name === "meta") continue;
      if (slash === "") open.push(name!);
      else assert.equal(open.pop(), name);
    }
    assert.deepEqual(open, []);
  });

  test("give bins of how sure the model is", () => {
    const sample = (yes: number, no: number, acc: number) =>
      readOutput(write("g", [row("x", yes, no, acc)])).samples.get("piqa")!;
    const sure = sample(0, -20, 1);
    const unsure = sample(-1, -1, 0);
    const bins = calibrationBins([...sure, ...sure, ...unsure]);
    assert.deepEqual(
      bins.map(({ count, share }) => [count, share]),
      [
        [1, 0],
        [2, 1],
      ],
    );
    assert.ok(Math.abs(calibrationError(bins) - 0.5 / 3) < 1e-6);
  });
});
