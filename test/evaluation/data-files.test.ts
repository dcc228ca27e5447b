/** Data files in all their forms and places: they are found, read alike, and refused in one line that says what was expected. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { LlamaError } from "../../src/error.js";
import { selectTasks } from "../../src/evaluation/benchmarks/registry.js";
import { readCsv } from "../../src/evaluation/data/csv.js";
import { loadRows } from "../../src/evaluation/data/load-rows.js";
import { parquetRows } from "../../src/evaluation/data/parquet.js";
import type { Row, Split } from "../../src/evaluation/data/row.js";
import { loadTask } from "../../src/evaluation/prompts/instances.js";
import { pythonStr } from "../../src/evaluation/python/repr.js";
import type { Task } from "../../src/evaluation/tasks/task.js";
import { ROOT } from "../source-files.js";
import { madeUpRows } from "./made-up.js";

const FIXTURES = join(ROOT, "test/fixtures/evaluation");
const base = mkdtempSync(join(tmpdir(), "data-files-"));
after(() => rmSync(base, { recursive: true }));

let folders = 0;
/** A folder with the given files. */
function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = join(base, String(folders++));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const taskOf = (name: string): Task => selectTasks([name]).tasks[0]!;
const lines = (rows: readonly Row[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const rowsIn = async (folder: string, name: string, split: Split) =>
  (await loadRows(folder, name, taskOf(name).data, split)).rows;

async function refusal(folder: string, name: string, split: Split, ...parts: RegExp[]): Promise<void> {
  await assert.rejects(loadRows(folder, name, taskOf(name).data, split), (error: unknown) => {
    assert.ok(error instanceof LlamaError, String(error));
    assert.equal(error.kind, "usage");
    assert.doesNotMatch(error.message, /\n/);
    for (const part of parts) assert.match(error.message, part);
    return true;
  });
}

const quote = (value: unknown) => `"${String(value).replaceAll('"', '""')}"`;
const table = (rows: readonly Row[], separator: string, show: (value: unknown) => string) =>
  [Object.keys(rows[0]!).join(separator), ...rows.map((row) => Object.values(row).map(show).join(separator))].join(
    "\r\n",
  );
const written = (value: unknown) => quote(typeof value === "object" ? pythonStr(value) : value);

test("the same rows are read from JSON lines, JSON, CSV, TSV, compressed files, and a hub's layouts", async () => {
  const rows = madeUpRows("arc_easy", "test");
  const forms: Record<string, string | Uint8Array> = {
    "arc_easy/test.jsonl": lines(rows),
    "arc_easy/test.json": JSON.stringify(rows, null, 1),
    "arc_easy/test.csv": `\ufeff${table(rows, ",", written)}`,
    "arc_easy/test.tsv": table(rows, "\t", (value) => quote(typeof value === "object" ? JSON.stringify(value) : value)),
    "arc_easy/test.jsonl.gz": gzipSync(lines(rows)),
    "ai2_arc/ARC-Easy/test-00000-of-00001.jsonl": lines(rows),
    "arc_easy/data/test-00000-of-00001.jsonl": lines(rows),
    "ARC-Easy-Test.jsonl": lines(rows),
  };
  for (const [name, content] of Object.entries(forms)) {
    assert.deepEqual(await rowsIn(folderOf({ [name]: content }), "arc_easy", "test"), rows, name);
  }
  const viewer = JSON.stringify({ features: [], rows: rows.map((row, row_idx) => ({ row_idx, row })) });
  assert.deepEqual(await rowsIn(folderOf({ "arc_easy/test.json": viewer }), "arc_easy", "test"), rows);
  assert.deepEqual(await rowsIn(folderOf({ "arc_easy/test.json": lines(rows) }), "arc_easy", "test"), rows);
});

test("parquet files are read: nested lists, 64-bit integers, several files in their order", async () => {
  const [arc, one, two] = ["arc-snappy", "mmlu-0", "mmlu-1"].map((name) =>
    readFileSync(join(FIXTURES, `${name}.parquet`)),
  );
  const rows = await rowsIn(folderOf({ "ai2_arc/ARC-Easy/test-00000-of-00001.parquet": arc! }), "arc_easy", "test");
  assert.deepEqual(rows[1]!.choices, { text: ["a", "b", "c"], label: ["1", "2", "3"] });
  assert.equal(rows[1]!.question, "What is é?");
  const parts = { "mmlu/anatomy/test-00000-of-00002.parquet": one!, "mmlu/anatomy/test-00001-of-00002.parquet": two! };
  const found = await rowsIn(folderOf(parts), "mmlu_anatomy", "test");
  assert.deepEqual(
    found.map(({ question, answer }) => [question, answer]),
    [
      ["Q0?", 0],
      ["Q1?", 1],
      ["Q2?", 2],
    ],
  );
  const { "mmlu/anatomy/test-00001-of-00002.parquet": _, ...some } = parts;
  await refusal(folderOf(some), "mmlu_anatomy", "test", /not complete/, /2 files/);
});

test("parquet files that cannot be read are refused, whatever is wrong with them", async () => {
  const zstd = readFileSync(join(FIXTURES, "arc-zstd.parquet"));
  await refusal(folderOf({ "arc_easy/test.parquet": zstd }), "arc_easy", "test", /codec ZSTD/, /Snappy/);
  const bytes = readFileSync(join(FIXTURES, "arc-snappy.parquet"));
  for (let at = 0; at < bytes.length; at += 7) {
    for (const damaged of [
      bytes.subarray(0, at),
      Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 0xff : byte)),
    ]) {
      await parquetRows(damaged, "file").catch((error: unknown) =>
        assert.ok(error instanceof LlamaError, String(error)),
      );
    }
  }
});

test("a missing file is reported with the names and columns that are looked for", async () => {
  const folder = folderOf({ "other.txt": "" });
  await refusal(
    folder,
    "hellaswag",
    "validation",
    /^hellaswag: no validation file in /,
    /hellaswag\/validation\.\{jsonl/,
    /hellaswag_val\.jsonl/,
  );
  await refusal(
    folder,
    "hellaswag",
    "validation",
    /columns activity_label, ctx_a, ctx_b, endings, label/,
    /found other\.txt/,
  );
  await refusal(
    join(folder, "nowhere"),
    "piqa",
    "validation",
    /valid\.jsonl with valid-labels\.lst/,
    /found no such folder/,
  );
});

test("a malformed row is reported with file, row, column and what was found", async () => {
  const refused = (content: string, ...parts: RegExp[]) =>
    refusal(folderOf({ "piqa/validation.jsonl": content }), "piqa", "validation", ...parts);
  const good = '{"goal":"g","sol1":"a","sol2":"b","label":0}\n';
  await refused(
    `${good}{"goal":"g","sol1":"a","label":0}\n`,
    /validation\.jsonl, row 2: column sol2 is missing/,
    /goal, sol1, sol2, label/,
    /found goal, sol1, label/,
  );
  await refused(
    `${good}{"goal":1,"sol1":"a","sol2":"b","label":0}`,
    /row 2: bad column goal; expected a text, found 1/,
  );
  await refused(good.replace("0", '"x"'), /row 1: bad column label; expected an integer, found "x"/);
  await refused(`${good}{"goal":`, /validation\.jsonl, line 2: is not valid JSON/);
  await refused("[1]", /line 1: must be a JSON object/);
  await refused("", /has no rows/);
  await refused(`{"goal":${"[".repeat(5000)}${"]".repeat(5000)},"sol1":"","sol2":"","label":0}`, /nested too deeply/);
  await refusal(
    folderOf({ "piqa/validation.csv": "goal,sol1,sol2,label\na,b,c\n" }),
    "piqa",
    "validation",
    /line 2: wrong number of fields; expected 4/,
  );
  await refusal(
    folderOf({ "piqa/validation.csv": 'goal,sol1\n"a,b' }),
    "piqa",
    "validation",
    /line 2: quoted field has no end/,
  );
  await refusal(
    folderOf({ "piqa/validation.csv": "goal,sol1,goal\na,b,c\n" }),
    "piqa",
    "validation",
    /column goal is there twice/,
  );
  await refusal(folderOf({ "piqa/validation.jsonl.gz": "no" }), "piqa", "validation", /cannot be decompressed/);
  await refusal(folderOf({ "piqa/validation.jsonl": Buffer.from([0x7b, 0xff]) }), "piqa", "validation", /not UTF-8/);
});

test("data whose answers are not published are refused", async () => {
  const unpublished = madeUpRows("piqa", "validation").map((row) => ({ ...row, label: -1 }));
  const folder = folderOf({ "piqa/validation.jsonl": lines(unpublished) });
  await assert.rejects(
    loadTask(folder, taskOf("piqa"), 0),
    /piqa: no document has a right answer; expected from 0 to 1, found -1/,
  );
  const keys = madeUpRows("arc_easy", "test").map((row) => ({ ...row, answerKey: "Z" }));
  await refusal(
    folderOf({ "arc_easy/test.jsonl": lines(keys) }),
    "arc_easy",
    "test",
    /row 1: bad row; expected an answerKey of/,
  );
});

test("a cache of huggingface_hub can be the data folder", async () => {
  const rows = madeUpRows("hellaswag", "validation");
  const arc = madeUpRows("arc_easy", "test");
  const folder = folderOf({
    "datasets--Rowan--hellaswag/refs/main": "abc",
    "datasets--Rowan--hellaswag/snapshots/abc/data/validation-00000-of-00001.jsonl": lines(rows),
    "datasets--allenai--ai2_arc/snapshots/def/ARC-Easy/test-00000-of-00001.jsonl": lines(arc),
  });
  assert.equal((await loadTask(folder, taskOf("hellaswag"), 0)).documents.length, rows.length);
  assert.equal((await loadTask(folder, taskOf("arc_easy"), 0)).documents.length, arc.length);
});

test("fields of CSV may have separators, quotes and line breaks in them", () => {
  const text = 'a,"b ""c"", d",\n\n"x\r\ny",z\n"p" q,r"s"';
  const records = readCsv(text, ",", "file");
  assert.deepEqual(
    records.map(({ fields }) => fields),
    [
      ["a", 'b "c", d', ""],
      ["x\r\ny", "z"],
      ["p q", 'r"s"'],
    ],
  );
  assert.deepEqual(
    records.map(({ line }) => line),
    [1, 3, 5],
  );
});

test("the folder of a task can be the data folder itself", async () => {
  const rows = madeUpRows("hellaswag", "validation");
  const folder = folderOf({ "hellaswag/validation.jsonl": lines(rows) });
  assert.deepEqual(await rowsIn(join(folder, "hellaswag"), "hellaswag", "validation"), rows);
  cpSync(join(folder, "hellaswag/validation.jsonl"), join(folder, "hellaswag_val.jsonl"));
  rmSync(join(folder, "hellaswag"), { recursive: true });
  assert.deepEqual(await rowsIn(folder, "hellaswag", "validation"), rows);
});
