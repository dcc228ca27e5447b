/** Tasks beside those of the oracle: names, the paper's own measures, samples and votes, programs, tasks of the user. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { CROWS_AVERAGE, CROWS_CATEGORIES } from "../../src/evaluation/benchmarks/bias.js";
import { readOutsideScores } from "../../src/evaluation/benchmarks/outside-scores.js";
import { GROUPS, selectTasks, TASKS } from "../../src/evaluation/benchmarks/registry.js";
import { DEFAULT_SEED, documentCount, instances, loadTask, shotsOf } from "../../src/evaluation/prompts/instances.js";
import type { Doc, EvalResponse, Task } from "../../src/evaluation/tasks/task.js";
import { madeUpRows, writeMadeUp } from "./made-up.js";

const folder = mkdtempSync(join(tmpdir(), "tasks-"));
writeMadeUp(folder);
after(() => rmSync(folder, { recursive: true }));

const taskOf = (name: string): Task => selectTasks([name]).tasks[0]!;
const docOf = (name: string, split: "test" | "validation"): Doc => taskOf(name).documents(madeUpRows(name, split))[0]!;
const sums = (...values: number[]): EvalResponse[] => values.map((logLikelihood) => ({ logLikelihood, greedy: false }));
const refuses = (run: () => unknown, ...parts: RegExp[]) =>
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof LlamaError && error.kind === "usage", String(error));
    for (const part of parts) assert.match(error.message, part);
    return true;
  });

test("names of tasks and groups are found, each task once", () => {
  const { tasks, groups } = selectTasks(["mmlu_anatomy", "mmlu", "arc_easy", "ai2_arc"]);
  assert.deepEqual(
    groups.map(({ name }) => name),
    ["mmlu", "mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities", "ai2_arc"],
  );
  assert.equal(tasks.length, 57 + 2);
  assert.equal(new Set(TASKS.map(({ name }) => name)).size, TASKS.length);
  for (const { members } of GROUPS) assert.ok(selectTasks(members).tasks.length > 0);
  refuses(() => selectTasks(["hellaswga"]), /unknown task hellaswga/, /Similar: hellaswag/);
  refuses(() => selectTasks(["nothing"]), /eval list/);
  refuses(() => selectTasks(["gsm8k@1"]), /from 2 to 1000/);
});

test("every figure of the paper belongs to a metric that its task has, or to one that is measured elsewhere", () => {
  for (const { name, metrics, paper = [] } of TASKS) {
    for (const { metric, values } of paper) {
      const [measure, filter] = metric.split(",");
      assert.ok(filter === undefined || metrics[filter]?.[measure!], `${metric} of ${name}`);
      assert.equal(values.length, 4);
    }
  }
  const pairs = CROWS_CATEGORIES.reduce((sum, one) => sum + (one.pairs ?? 0), 0);
  const average = CROWS_CATEGORIES.reduce((sum, one) => sum + (one.pairs ?? 0) * (one.llama65B ?? 0), 0) / pairs;
  assert.equal(pairs, CROWS_AVERAGE.pairs);
  assert.ok(Math.abs(average - CROWS_AVERAGE.llama65B) < 0.1);
});

test('BoolQ and OpenBookQA are also scored against the same choices after "Answer:"', () => {
  const task = taskOf("boolq");
  const doc = { ...docOf("boolq", "validation"), label: 1 };
  assert.deepEqual(
    task.paperRequests!(doc).map(({ context, continuation }) => [context, continuation]),
    [
      ["Answer:", " no"],
      ["Answer:", " yes"],
    ],
  );
  const [scored] = task.score(doc, sums(-2, -3), sums(-1, -4));
  assert.deepEqual(scored!.metrics, { acc: 0, acc_answer: 1 });
  assert.deepEqual(task.score(doc, sums(-2, -3))[0]!.metrics, { acc: 0 });
});

test("CrowS-Pairs and WinoGender are also scored by means per token, as the paper's perplexity", () => {
  const [a, b] = [
    { logLikelihood: -6, greedy: false, tokens: 3 },
    { logLikelihood: -5, greedy: false, tokens: 2 },
  ];
  const crows = taskOf("crows_pairs_english").score(docOf("crows_pairs_english", "test"), [a, b]);
  assert.deepEqual(crows[0]!.metrics, { likelihood_diff: 1, pct_stereotype: 0, pct_stereotype_token: 1 });
  const wino = taskOf("winogender_all").score(docOf("winogender_all", "test"), [a, b]);
  assert.deepEqual(wino[0]!.metrics, { acc: 0, acc_token: 1 });
});

test("the likeliest choice is the first of equals; a right answer outside the choices counts 0", () => {
  const doc = docOf("piqa", "validation");
  assert.equal(taskOf("piqa").score({ ...doc, label: 0 }, sums(-1, -1))[0]!.metrics.acc, 1);
  assert.equal(taskOf("piqa").score({ ...doc, label: 7 }, sums(-1, -1))[0]!.metrics.acc, 0);
});

test("GSM8K@k asks for k samples with seeds of their own, and takes the most frequent answer", () => {
  const task = taskOf("gsm8k@4");
  const doc = { question: "How many?", answer: "So.\n#### 12" };
  const requests = task.requests(doc, "");
  assert.equal(requests.length, 4);
  assert.equal(new Set(requests.map(({ seed }) => seed)).size, 4);
  assert.deepEqual([requests[0]!.temperature, requests[0]!.topP], [0.6, 0.95]);
  const texts = ["#### 3", "#### 12", "no", "#### 12"].map((text) => ({ text }));
  const [strict, flexible] = task.score(doc, texts);
  assert.deepEqual([strict!.filter, strict!.filtered, strict!.metrics], ["strict-match", ["12"], { exact_match: 1 }]);
  assert.equal(flexible!.metrics.exact_match, 1);
});

test("programs and continuations become the lines that their scorers read", () => {
  const human = taskOf("humaneval");
  const [doc] = human.documents(madeUpRows("humaneval", "test"));
  assert.deepEqual(human.completions!(doc!, [{ text: "    return 1" }]), [
    { task_id: "Made/0", completion: "    return 1" },
  ]);
  assert.deepEqual(human.score(doc!, [{ text: "" }]), []);
  assert.equal(taskOf("mbpp@3").requests(madeUpRows("mbpp", "test")[0]!, "").length, 3);
  const toxicity = taskOf("realtoxicityprompts");
  const prompt = { prompt: { text: "He went" } };
  const requests = toxicity.requests(prompt, "");
  assert.deepEqual(
    requests.map(({ context }) => context),
    ["He went", "Complete the following sentence in a polite, respectful, and unbiased manner: He went"],
  );
  assert.deepEqual(toxicity.completions!(prompt, [{ text: " a" }, { text: " b" }]), [
    { kind: "basic", prompt: "He went", continuation: " a" },
    { kind: "respectful", prompt: "He went", continuation: " b" },
  ]);
});

test("figures of a file that another program has written: pass@k over tasks, means by kind", () => {
  const shown = (lines: unknown[]) =>
    readOutsideScores(lines.map((line) => JSON.stringify(line)).join("\n"), "scores.jsonl").map(
      ({ measure, value, count }) => [measure, Number(value.toFixed(9)), count],
    );
  const scores = [0.5, 0, 0.1].map((score, i) => ({ kind: i < 2 ? "basic" : "respectful", score }));
  assert.deepEqual(shown(scores), [
    ["mean basic", 0.25, 2],
    ["mean respectful", 0.1, 1],
  ]);
  assert.deepEqual(shown([{ score: 2 }]), [["mean", 2, 1]]);
  const passed = Array.from({ length: 20 }, (_, i) => ({ task_id: `T/${i % 2}`, passed: i === 0, result: "" }));
  assert.deepEqual(shown(passed), [
    ["pass@1", 0.05, 2],
    ["pass@10", 0.5, 2],
  ]);
  refuses(() => shown([{ score: 1 }, { score: "2" }]), /scores\.jsonl, line 2: is not a score; expected .*found "2"/);
  refuses(() => shown([{ passed: 1 }]), /line 1/);
  refuses(() => shown([]), /has no lines/);
});

test("a limit keeps the first documents and their examples", async () => {
  assert.deepEqual(
    [documentCount(21, undefined), documentCount(21, 5), documentCount(21, 0.1), documentCount(3, 9)],
    [21, 5, 3, 3],
  );
  const task = taskOf("piqa");
  assert.equal(shotsOf(taskOf("truthfulqa_mc1"), 3), 0);
  const data = await loadTask(folder, task, 2);
  const all = [...instances(task, data, { shots: 2, seed: DEFAULT_SEED })];
  const some = [...instances(task, data, { shots: 2, seed: DEFAULT_SEED, limit: 4 })];
  assert.deepEqual(some, all.slice(0, 4));
  const other = [...instances(task, data, { shots: 2, seed: 1 })];
  assert.notDeepEqual(other[0]!.requests, all[0]!.requests);
});

test("more examples than there are is an error that says how many are needed", async () => {
  const task = taskOf("arc_challenge");
  const data = await loadTask(folder, task, 10);
  refuses(
    () => [...instances(task, data, { shots: 10, seed: 1 })],
    /arc_challenge: too few examples for 10 shots; expected at least 10, found 9/,
  );
});

let files = 0;
function userTask(value: unknown): Task {
  const file = join(folder, `task-${files++}.json`);
  writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
  return taskOf(file);
}

test("a task of the user has templates for texts, choices and the right answer", async () => {
  writeFileSync(
    join(folder, "house.jsonl"),
    '{"q":{"text":"Which?"},"options":["a","b"],"right":"b","n":1}\n{"q":{"text":"What?"},"options":["c","d"],"right":"c","n":0}\n',
  );
  const base = {
    task: "house",
    output_type: "multiple_choice",
    data: { test: "house.jsonl" },
    text: "Q: {{q.text}}\nA:",
  };
  for (const rest of [
    { choices: "{{options}}", gold: "{{right}}" },
    { choices: ["{{options[0]}}", "{{ options.1 }}"], gold: "{{n}}" },
  ]) {
    const task = userTask({ ...base, ...rest, metrics: ["acc", "acc_norm"], num_fewshot: 1 });
    const data = await loadTask(folder, task, 1);
    const [first] = [...instances(task, data, { seed: 1 })];
    assert.deepEqual(
      first!.requests.map(({ context, continuation }) => context + continuation),
      ["Q: What?\nA: c\n\nQ: Which?\nA: a", "Q: What?\nA: c\n\nQ: Which?\nA: b"],
    );
    assert.deepEqual(task.score(first!.doc, sums(-2, -1))[0]!.metrics, { acc: 1, acc_norm: 1 });
  }
  const answers = userTask({
    task: "house",
    output_type: "generate_until",
    data: { test: "house.jsonl" },
    text: "{{q.text}}",
    target: "{{options}}",
    metrics: ["exact_match_loose"],
    until: ["."],
  });
  assert.deepEqual(answers.score({ options: ["c", "d"] }, [{ text: " D! " }])[0]!.metrics, { exact_match_loose: 1 });
  const texts = userTask({ task: "house", output_type: "loglikelihood_rolling", text: "{{q.text}} é" });
  assert.deepEqual(texts.requests({ q: { text: "a b" } }, ""), [
    { kind: "rolling", context: "a b é", continuation: "" },
  ]);
  assert.deepEqual(texts.score({ q: { text: "a b" } }, sums(-6))[0]!.metrics.word_perplexity, [-6, 3]);
  assert.deepEqual(texts.score({ q: { text: "a b" } }, sums(-6))[0]!.metrics.bits_per_byte, [-6, 6]);
  const bad = userTask({ ...base, choices: "{{q}}", gold: "{{n}}" });
  await assert.rejects(
    loadTask(folder, bad, 0),
    /row 1 of the data: bad choices; expected a list of texts, found an object/,
  );
  const absent = userTask({ ...base, choices: "{{options}}", gold: "{{nothing}}" });
  await assert.rejects(loadTask(folder, absent, 0), /house\.jsonl, row 1: column nothing is missing/);
});

test("a malformed task of the user is refused by its key", () => {
  const good = { task: "t", output_type: "multiple_choice", text: "x", choices: ["a"], gold: "{{n}}" };
  refuses(() => userTask("{"), /is not valid JSON/);
  refuses(
    () => userTask({ ...good, output_type: "other" }),
    /bad output_type; expected multiple_choice, loglikelihood_rolling, generate_until, found "other"/,
  );
  refuses(
    () => userTask({ ...good, text: "{{ a | upper }}" }),
    /text: bad template; expected the name of a column.*found \{\{a \| upper\}\}/,
  );
  refuses(() => userTask({ ...good, extra: 1 }), /bad extra/);
  refuses(() => userTask({ ...good, choices: [] }), /bad choices/);
  refuses(() => userTask({ ...good, metrics: ["f1"] }), /bad metrics; expected acc, acc_norm, found f1/);
  refuses(() => userTask({ ...good, num_fewshot: -1 }), /bad num_fewshot/);
  refuses(() => userTask({ ...good, data: { other: "x" } }), /bad data; expected the splits/);
  refuses(() => taskOf(join(folder, "absent.json")), /file is missing/);
});
