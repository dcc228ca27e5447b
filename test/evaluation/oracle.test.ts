/** Every prompt, score and figure equals lm-evaluation-harness' own, on made-up documents of every task. oracle.py made the values. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { selectTasks } from "../../src/evaluation/benchmarks/registry.js";
import { aggregate, aggregateGroup, type Figure } from "../../src/evaluation/metrics/aggregate.js";
import type { MetricValue } from "../../src/evaluation/metrics/metric.js";
import { DEFAULT_SEED, instances, loadTask, shotsOf } from "../../src/evaluation/prompts/instances.js";
import { pythonStr } from "../../src/evaluation/python/repr.js";
import type { EvalRequest, Task } from "../../src/evaluation/tasks/task.js";
import { ROOT } from "../source-files.js";
import { cannedAnswers, sha256 } from "./canned-answers.js";
import { writeMadeUp } from "./made-up.js";

interface Expected {
  prompts: string[];
  targets: string;
  docs: string;
  metrics: Record<string, (number | [number, number])[]>;
  figures: Record<string, number | "N/A">;
  version: number;
  shots: number;
  kwargs: Record<string, unknown> | null;
  higher: Record<string, boolean>;
}

const { group, ...expected } = JSON.parse(
  readFileSync(join(ROOT, "test/fixtures/evaluation/oracle.json"), "utf8"),
) as Record<string, Expected> & { group: { value: number; stderr: number } };

const folder = mkdtempSync(join(tmpdir(), "evaluation-"));
writeMadeUp(folder);
after(() => rmSync(folder, { recursive: true }));

/** As oracle.py writes them: context and continuation, or a text alone. */
function promptHash(requests: readonly EvalRequest[]): string {
  const texts = requests.map(({ kind, context, continuation }) =>
    kind === "loglikelihood" ? [context, continuation] : [context],
  );
  return sha256(JSON.stringify(texts)).slice(0, 10);
}

interface Run {
  prompts: string[];
  targets: string[];
  docs: string[];
  /** By metric and filter. */
  values: Map<string, MetricValue[]>;
}

/** A run of a task as lm-evaluation-harness has it: without the paper's own measures. */
async function run(task: Task, shots: number | undefined): Promise<Run> {
  const chosen = shotsOf(task, shots);
  const data = await loadTask(folder, task, chosen);
  const result: Run = { prompts: [], targets: [], docs: [], values: new Map() };
  for (const { doc, requests } of instances(task, data, { shots: chosen, seed: DEFAULT_SEED })) {
    // Samples of one prompt are one request with many answers there.
    result.prompts.push(promptHash(requests.filter(({ seed }, i) => seed === undefined || i === 0)));
    result.targets.push(sha256(pythonStr(task.target(doc))).slice(0, 6));
    result.docs.push(sha256(JSON.stringify(doc, null, 2)).slice(0, 6));
    for (const { filter, metrics } of task.score(doc, cannedAnswers(requests, doc))) {
      for (const [name, value] of Object.entries(metrics)) {
        if (task.metrics[filter]![name]!.own) continue;
        const key = `${name},${filter}`;
        result.values.set(key, [...(result.values.get(key) ?? []), value]);
      }
    }
  }
  return result;
}

const near = (value: number, wanted: number, what: string) =>
  assert.ok(Math.abs(value - wanted) <= 1e-12 * Math.max(1, Math.abs(wanted)), `${what}: ${value}, not ${wanted}`);

for (const [key, want] of Object.entries(expected)) {
  const [name, shots] = key.split(" ") as [string, string];
  const [task] = selectTasks([name]).tasks as [Task];
  const ran = run(task, shots === "default" ? undefined : Number(shots));
  ran.catch(() => {});

  test(`${name}, ${shots} examples: prompts, targets and documents`, async () => {
    const { prompts, targets, docs } = await ran;
    assert.deepEqual(prompts, want.prompts);
    assert.equal(targets.join(" "), want.targets);
    assert.equal(docs.join(" "), want.docs);
    assert.equal(shotsOf(task, shots === "default" ? undefined : Number(shots)), want.shots);
    assert.equal(task.version, want.version);
    if (task.output === "generate_until") assert.deepEqual(task.generationKwargs, want.kwargs);
  });

  test(`${name}, ${shots} examples: scores of every document, and figures`, async () => {
    const { values } = await ran;
    assert.deepEqual([...values.keys()].sort(), Object.keys(want.metrics).sort());
    for (const [metric, wanted] of Object.entries(want.metrics)) {
      const got = values.get(metric)!;
      got.forEach((value, i) => {
        const [a, b] = [value, wanted[i]!].map((one) => (typeof one === "number" ? [one] : one));
        for (const [k, part] of a!.entries()) near(part, b![k]!, `${metric} of document ${i}`);
      });
      const [measure, filter] = metric.split(",") as [string, string];
      const info = task.metrics[filter]![measure]!;
      assert.equal(info.higherIsBetter, want.higher[measure], `${metric} is better if higher`);
      const figure = aggregate(info, got)!;
      near(figure.value, want.figures[metric] as number, metric);
      const stderr = want.figures[`${measure}_stderr,${filter}`];
      if (stderr === "N/A") assert.equal(figure.stderr, null, metric);
      else near(figure.stderr!, stderr as number, `standard error of ${metric}`);
    }
  });
}

test("a group is the mean over the documents of its tasks, with the pooled standard error", () => {
  const parts = ["mmlu_anatomy", "mmlu_high_school_biology"].map((name): Figure => {
    const { figures, prompts } = expected[`${name} default`]!;
    const [value, stderr] = [figures["acc,none"], figures["acc_stderr,none"]] as [number, number];
    return { value, stderr, count: prompts.length };
  });
  const { value, stderr } = aggregateGroup(parts)!;
  near(value, group.value, "mean");
  near(stderr!, group.stderr, "standard error");
});
