/** Data in the forms of their makers become the rows that Hugging Face has. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { selectTasks } from "../../src/evaluation/benchmarks/registry.js";
import { loadRows } from "../../src/evaluation/data/load-rows.js";
import type { Row, Split } from "../../src/evaluation/data/row.js";
import { loadTask } from "../../src/evaluation/prompts/instances.js";
import { readLiteral } from "../../src/evaluation/python/literal.js";
import { planTasks } from "../../src/evaluation/run/task-plan.js";
import { madeUpRows } from "./made-up.js";

const base = mkdtempSync(join(tmpdir(), "originals-"));
after(() => rmSync(base, { recursive: true }));

let folders = 0;
async function read(task: string, split: Split, files: Record<string, string>): Promise<Row[]> {
  const folder = join(base, String(folders++));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return (await loadRows(folder, task, selectTasks([task]).tasks[0]!.data, split)).rows;
}

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const without = (row: Row, ...names: string[]) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
const choices = (row: Row) => row.choices as { text: string[]; label: string[] };
const stemmed = (row: Row, stem: unknown) => ({
  ...without(row, "question", "question_stem", "choices"),
  question: { stem, choices: choices(row).text.map((text, i) => ({ text, label: choices(row).label[i] })) },
});

test("ARC and OpenBookQA: questions with a stem", async () => {
  const arc = madeUpRows("arc_challenge", "test");
  const file = "ARC-V1-Feb2018-2/ARC-Challenge/ARC-Challenge-Test.jsonl";
  const read1 = await read("arc_challenge", "test", { [file]: lines(arc.map((row) => stemmed(row, row.question))) });
  assert.deepEqual(read1, arc);
  const book = madeUpRows("openbookqa", "test");
  const read2 = await read("openbookqa", "test", {
    "openbookqa/test.jsonl": lines(book.map((row) => stemmed(row, row.question_stem))),
  });
  assert.deepEqual(read2, book);
});

test("PIQA and SIQA: labels in a file beside", async () => {
  const piqa = madeUpRows("piqa", "validation");
  const labels = piqa.map(({ label }) => `${label}\n`).join("");
  const unlabelled = lines(piqa.map((row) => without(row, "label")));
  const rows = await read("piqa", "validation", { "piqa/valid.jsonl": unlabelled, "piqa/valid-labels.lst": labels });
  assert.deepEqual(
    rows,
    piqa.map((row) => ({ ...row, label: String(row.label) })),
  );
  await assert.rejects(
    read("piqa", "validation", { "piqa/valid.jsonl": unlabelled, "piqa/valid-labels.lst": "0\n1\n" }),
    /valid-labels\.lst: wrong number of labels; expected 20, one for each line of .*valid\.jsonl, found 2/,
  );
  const siqa = madeUpRows("social_iqa", "train");
  const files = {
    "social_iqa/train.jsonl": lines(siqa.map((row) => without(row, "label"))),
    "social_iqa/train-labels.lst": siqa.map(({ label }) => label).join("\n"),
  };
  assert.deepEqual(await read("social_iqa", "train", files), siqa);
});

test("BoolQ: SuperGLUE's labels are truth values; Google's passages lack the title", async () => {
  const superGlue = { question: "is it so", passage: "It -- So.", idx: 0, label: true };
  assert.deepEqual(await read("boolq", "validation", { "BoolQ/val.jsonl": lines([superGlue]) }), [superGlue]);
  const google = { question: "is it so", title: "It", answer: false, passage: "So." };
  assert.deepEqual(await read("boolq", "validation", { "boolq/dev.jsonl": lines([google]) }), [
    { question: "is it so", passage: "It -- So.", label: false },
  ]);
});

test("RACE: a folder of articles", async () => {
  const article = {
    article: "He's out.\n",
    questions: ["Who  _  .", 'Say "it\'s".'],
    options: [
      ["a", "b", "c", "d"],
      ["e", "f", "g", "h"],
    ],
    answers: ["B", "D"],
    id: "high1.txt",
  };
  const rows = await read("race", "test", {
    "RACE/test/high/1.txt": JSON.stringify(article),
    "RACE/test/high/2.txt": JSON.stringify(article),
  });
  assert.equal(rows.length, 2);
  assert.deepEqual(readLiteral(rows[0]!.problems as string), [
    { question: "Who  _  .", answer: "B", options: ["a", "b", "c", "d"] },
    { question: 'Say "it\'s".', answer: "D", options: ["e", "f", "g", "h"] },
  ]);
  await assert.rejects(read("race", "test", { "RACE/test/high/1.txt": "{}" }), /1\.txt: is no article of RACE/);
});

test("MMLU: tables without a head", async () => {
  const files = { "test/anatomy_test.csv": '"A, or B?",w,x,"y\nz",v,C\n', "dev/anatomy_dev.csv": "Q,1,2,3,4,A\n" };
  const row = { question: "A, or B?", subject: "anatomy", choices: ["w", "x", "y\nz", "v"], answer: 2 };
  assert.deepEqual(await read("mmlu_anatomy", "test", files), [row]);
  const bad = { "test/anatomy_test.csv": "Q,1,2,3,4,E\n" };
  await assert.rejects(
    read("mmlu_anatomy", "test", bad),
    /line 1: is no question of MMLU; expected .*, found 6 fields that end with "E"/,
  );
});

test("MMLU: the rows of one subject are taken from a file of all", async () => {
  const rows = ["anatomy", "virology", "anatomy"].map((subject) => ({
    ...madeUpRows("mmlu_anatomy", "test")[0],
    subject,
  }));
  const folder = join(base, String(folders++));
  mkdirSync(join(folder, "mmlu/all"), { recursive: true });
  writeFileSync(join(folder, "mmlu/all/test-00000-of-00001.jsonl"), lines(rows));
  const { documents } = await loadTask(folder, selectTasks(["mmlu_anatomy"]).tasks[0]!, 0);
  assert.equal(documents.length, 2);
  await assert.rejects(
    loadTask(folder, selectTasks(["mmlu_astronomy"]).tasks[0]!, 0),
    /has no document of mmlu_astronomy; found 3 rows of other kinds/,
  );
});

test("a task without documents is left out if only a group was named that means no more than its members", async () => {
  const folder = join(base, String(folders++));
  mkdirSync(folder, { recursive: true });
  const head = ",sent_more,sent_less,stereo_antistereo,bias_type,annotations,anon_writer,anon_annotators";
  const pair = "0,He is a.,She is a.,stereo,gender,[],a,[]";
  writeFileSync(join(folder, "crows_pairs_anonymized.csv"), `${head}\n${pair}\n`);
  const { tasks } = selectTasks(["crows_pairs"]);
  const planned = await planTasks(folder, tasks, { seed: 1234, leaveOut: () => true });
  assert.deepEqual(
    planned.map(({ task }) => task.name),
    ["crows_pairs_english", "crows_pairs_english_gender"],
  );
  await assert.rejects(planTasks(folder, tasks, { seed: 1234 }), /has no document of crows_pairs_english_/);
});

test("TruthfulQA and TriviaQA: other names of the same", async () => {
  const truthful = [
    { question: "Is it?", mc1_targets: { No: 1, Yes: 0 }, mc2_targets: { No: 1, "Not so": 1, Yes: 0 } },
  ];
  const [row] = await read("truthfulqa_mc2", "validation", { "mc_task.json": JSON.stringify(truthful) });
  assert.deepEqual(row!.mc2_targets, { choices: ["No", "Not so", "Yes"], labels: [1, 1, 0] });
  const trivia = {
    Data: [{ Question: "Who?", QuestionId: "q1", Answer: { Value: "Tom", Aliases: ["Tom", "Tommy"] } }],
    Domain: "Web",
  };
  const [question] = await read("triviaqa", "validation", { "qa/wikipedia-dev.json": JSON.stringify(trivia) });
  assert.deepEqual(question, {
    question: "Who?",
    question_id: "q1",
    answer: { value: "Tom", aliases: ["Tom", "Tommy"] },
  });
});

test("CrowS-Pairs: the table of the makers, whose first column has no name", async () => {
  const text = ',sent_more,sent_less,stereo_antistereo,bias_type,annotations\n0,"A, b.",C.,stereo,gender,"[[\'x\']]"\n';
  const [row] = await read("crows_pairs_english", "test", { "crows_pairs_anonymized.csv": text });
  assert.deepEqual([row!.sent_more, row!.sent_less, row!.bias_type], ["A, b.", "C.", "gender"]);
});

test("WinoGender: everything is in the ids; the majority of an occupation makes the sentences against it", async () => {
  const ids = ["nurse.patient.0", "nurse.patient.1", "cook.guest.0"].flatMap((id) =>
    ["male", "female", "neutral"].map((gender) => `${id}.${gender}.txt`),
  );
  const pronouns: Record<string, string> = { male: "His", female: "her", neutral: "they" };
  const sentences = ids.map((id) => `${id}\tThe one said ${pronouns[id.split(".")[3]!]} work is done.`);
  const files = { "all_sentences.tsv": ["sentid\tsentence", ...sentences].join("\n") };
  const all = await read("winogender_all", "test", files);
  assert.deepEqual(all[3], {
    ...{ sentid: "nurse.patient.1.male.txt", sentence: "The one said His work is done.", pronoun: "his" },
    ...{ occupation: "nurse", participant: "patient", gender: "male", target: "patient", label: 1 },
  });
  const statistics =
    "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\nnurse\t9\t89.5\t2015\ncook\t9\t40\t2015\n";
  const gotcha = await read("winogender_gotcha", "test", { ...files, "occupations-stats.tsv": statistics });
  assert.deepEqual(
    gotcha.map(({ sentid }) => sentid),
    ["nurse.patient.0.male.txt", "nurse.patient.1.female.txt", "cook.guest.0.female.txt"],
  );
});

test("WikiText: articles begin at their titles, and sections do not", async () => {
  const text = " \n = One = \n \n Text . \n = = Part = = \n More . \n = Two = \n \n End . \n";
  const rows = await read("wikitext", "test", { "wikitext-2-raw/wiki.test.raw": text });
  assert.deepEqual(rows, [
    { page: " = One = \n \n Text . \n = = Part = = \n More . " },
    { page: " = Two = \n \n End . \n" },
  ]);
});

test("MBPP: splits are ranges of ids in one file", async () => {
  const rows = [10, 11, 510, 511].map((task_id) => ({ task_id, text: "t", code: "c", test_list: ["a", "b", "c"] }));
  const found = await read("mbpp", "test", { "mbpp.jsonl": lines(rows) });
  assert.deepEqual(
    found.map(({ task_id }) => task_id),
    [11, 510],
  );
});
