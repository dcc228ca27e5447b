/** The command `eval` as a program: results on stdout and on the disk, killed and resumed, in parts, wrong lines, list, compare and report. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fixture } from "../folders.js";
import { llama, temporaryFolder } from "./cli-process.js";
import { checkSchema } from "./json-schema.js";

const DATA = fixture("lm-eval");
const folder = temporaryFolder();
const out = (name: string) => join(folder, name);
const evaluate = (...words: string[]) => llama(["eval", "--data", DATA, "--nproc_per_node", "1", ...words]);

interface Line {
  doc_id: number;
  filter: string;
  resps: [[string, string]][];
  acc: number;
}

const named = (name: string, start: string) =>
  readdirSync(join(out(name), "demo"))
    .filter((file) => file.startsWith(start))
    .sort()
    .map((file) => readFileSync(join(out(name), "demo", file), "utf8"));
const results = (name: string) => JSON.parse(named(name, "results_").at(-1)!);
const samples = (name: string, task: string): Line[] =>
  named(name, `samples_${task}_`)
    .at(-1)!
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Documents, answers and scores of two outputs are the same, log-likelihoods but for their last bits. */
function assertSame(one: string, other: string, task: string): void {
  const [a, b] = [samples(one, task), samples(other, task)];
  assert.deepEqual(
    b.map(({ doc_id }) => doc_id),
    a.map(({ doc_id }) => doc_id),
  );
  for (const [i, line] of a.entries()) {
    assert.equal(b[i]!.acc, line.acc);
    for (const [j, [[value]]] of line.resps.entries()) {
      assert.ok(Math.abs(Number(value) - Number(b[i]!.resps[j]![0][0])) < 1e-4, `document ${i}: ${value}`);
    }
  }
  const figures = ({ results: all, task_hashes }: ReturnType<typeof results>) => [
    all[task]["acc,none"],
    task_hashes[task],
  ];
  assert.deepEqual(figures(results(other)), figures(results(one)));
}

describe("eval", { concurrency: 2 }, () => {
  test("the table is lm-evaluation-harness' with intervals, and the cost is said before", async () => {
    const { code, stdout, stderr } = await evaluate("--tasks", "arc_easy,mmlu_high_school_biology", "-o", out("table"));
    assert.equal(code, 0, stderr);
    const [head, rule, arc, norm, mmlu] = stdout.split("\n");
    assert.match(head!, /^\|Tasks +\|Version\|Filter\|n-shot\|Metric +\| \| Value\| \|Stderr\|95 % interval +\|$/);
    assert.match(rule!, /^\|-+\|-+:\|/);
    assert.match(arc!, /^\|arc_easy +\| +1\|none +\| +0\|acc +\|↑\|0\.2000\|±\|0\.0918\|0\.0807 to 0\.4160\|$/);
    assert.match(norm!, /^\| +\| +\|none +\| +0\|acc_norm\|↑\|0\.1000\|±\|0\.0688\|/);
    assert.match(mmlu!, /^\|mmlu_high_school_biology\| +1\|none /);
    assert.match(stderr, /40 documents, \d+ requests: [\d,]+ tokens to compute \([\d,]+ without shared prefixes\)/);
    assert.match(stderr, /\d+ requests: [\d,]+ tokens computed, [\d,]+ found in KV caches, /);
    const { results: figures, versions, llama_ts } = results("table");
    assert.equal(figures.arc_easy["acc,none"], 0.2);
    assert.equal(figures.arc_easy.sample_len, 20);
    assert.deepEqual(versions, { arc_easy: 1, mmlu_high_school_biology: 1 });
    assert.equal(llama_ts.max_length, 512);
    assert.ok(llama_ts.files.every(({ sha256 }: { sha256: string }) => /^[0-9a-f]{64}$/.test(sha256)));
    // Choices of one token: a pass for each document answers four.
    assert.ok(llama_ts.tokens.computed < llama_ts.tokens.alone / 3, JSON.stringify(llama_ts.tokens));
  });

  test("--json prints the results as one object; --limit, examples and BOS change what is asked", async () => {
    const line = ["--tasks", "boolq", "--limit", "0.25", "--num_fewshot", "2", "--add_bos", "no", "--json", "--quiet"];
    const { code, stdout, stderr } = await evaluate(...line);
    assert.deepEqual([code, stderr], [0, ""]);
    checkSchema("eval", JSON.parse(stdout));
    const { "n-shot": shots, "n-samples": counts, config, llama_ts } = JSON.parse(stdout);
    assert.deepEqual([shots.boolq, counts.boolq], [2, { original: 20, effective: 5 }]);
    assert.deepEqual([config.limit, config.fewshot_seed, llama_ts.add_bos], [0.25, 1234, "no"]);
  });

  test("a run that was killed twice and resumed has the same results as an undisturbed one", async () => {
    // The names make the questions differ, so that there is more to ask.
    const data = join(folder, "data");
    const rows = readFileSync(join(DATA, "hellaswag/validation.jsonl"), "utf8").trimEnd().split("\n");
    const more = [0].flatMap((n) => rows.map((row) => row.replaceAll("goes to", `and ${n + 3} friends go to`)));
    mkdirSync(join(data, "hellaswag"), { recursive: true });
    writeFileSync(join(data, "hellaswag/validation.jsonl"), `${more.join("\n")}\n`);
    const line = ["eval", "--tasks", "hellaswag", "--data", data, "--nproc_per_node", "1", "--log_samples", "--quiet"];
    const whole = await llama([...line, "-o", out("whole")]);
    assert.equal(whole.code, 0, whole.stderr);
    const answers = join(out("killed"), "demo", "requests.jsonl");
    const count = () => (existsSync(answers) ? readFileSync(answers, "utf8").split("\n").length - 1 : 0);
    for (const least of [10, 30]) {
      const end = { code: null as number | null };
      const run = llama([...line, "-o", out("killed"), "--resume", "--concurrency", "1", "--no_supervisor"], {
        onStart: async (child) => {
          while (count() < least && child.exitCode === null) await sleep(5);
          child.kill("SIGKILL");
        },
      });
      end.code = (await run).code;
      assert.equal(end.code, null);
      const kept = count();
      assert.ok(kept >= least && kept < more.length * 4, `${kept} answers`);
    }
    const asked = count();
    const last = await llama([...line.slice(0, -1), "-o", out("killed"), "--resume"]);
    assert.equal(last.code, 0, last.stderr);
    const [, requests] = /20 documents, (\d+) requests/.exec(last.stderr)!;
    const [lines] = named("whole", "requests");
    // The first line of each file has the settings.
    assert.equal(Number(requests) + asked - 1, lines!.trimEnd().split("\n").length - 1);
    assertSame("whole", "killed", "hellaswag");
  });

  test("parts of a run are joined by a run that continues them", async () => {
    const line = ["--tasks", "arc_easy", "--log_samples", "--quiet"];
    const parts = [1, 2].map((part) => evaluate(...line, "-o", out("parts"), "--shard", `${part}/2`));
    for (const { code, stderr } of await Promise.all([...parts, evaluate(...line, "-o", out("one"))]))
      assert.equal(code, 0, stderr);
    const own = results("parts");
    assert.deepEqual(own["n-samples"].arc_easy, { original: 20, effective: 10 });
    const { code, stderr } = await evaluate("--tasks", "arc_easy", "--log_samples", "-o", out("parts"), "--resume");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /20 documents, 0 requests/);
    assertSame("one", "parts", "arc_easy");
    // Answers of other settings are not mixed with these.
    const other = await evaluate(
      "--tasks",
      "arc_easy",
      "-o",
      out("parts"),
      "--resume",
      "--dtype",
      "int8",
      "--no_cache",
    );
    assert.equal(other.code, 2);
    assert.match(other.stderr, /another dtype; expected int8, found fp32\. Use another --output, or --overwrite/);
    const again = await evaluate("--tasks", "arc_easy", "-o", out("one"));
    assert.match(again.stderr, /already exists\. Use --resume .* or --overwrite/);
  });

  test("a wrong line is one line of error", async () => {
    const wrong = [
      [["--tasks", "nonsense"], /unknown task nonsense/],
      [["--tasks", "piqa"], /piqa: no validation file in .*; expected piqa\/validation/],
      [["--tasks", "arc_easy", "--resume"], /--resume needs --output/],
      [["--tasks", "nq_open", "--max_seq_len", "100"], /no room for a prompt beside the new tokens/],
      [[], /--tasks is missing/],
      [["hellaswag"], /eval: unknown command 'hellaswag'; expected list, compare, report or scores/],
    ] as const;
    const runs = await Promise.all(wrong.map(([words]) => evaluate(...words, "--quiet")));
    for (const [i, { code, stderr }] of runs.entries()) {
      assert.equal(code, i === 3 ? 1 : 2, stderr);
      assert.match(stderr, wrong[i]![1]);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }
  });

  test("list shows every task, and of one its files, columns and the paper's figures", async () => {
    const one = await llama(["eval", "list", "boolq"]);
    assert.match(one.stdout, /boolq\/validation\.\{jsonl,/);
    assert.match(one.stdout, /columns +passage, question, label/);
    assert.match(one.stdout, /7B 76\.5, 13B 78\.1, 33B 83\.1, 65B 85\.3/);
    const tasks = JSON.parse((await llama(["eval", "list", "--json"])).stdout);
    assert.ok(tasks.every(({ task, files, licence }: Record<string, unknown>) => task && files && licence));
  });

  test("compare finds what changed between two dtypes, and report writes a page of both", async () => {
    const line = ["--tasks", "hellaswag,crows_pairs_english", "--log_samples", "--quiet"];
    const outputs = ["fp32", "int4"];
    const runs = outputs.map((dtype) => evaluate(...line, "--dtype", dtype, "--no_cache", "-o", out(dtype)));
    for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, stderr);
    const [a, b] = outputs.map(out) as [string, string];
    const { stdout } = await llama(["eval", "compare", a, b]);
    assert.match(stdout, /^A: demo fp32 .*\nB: demo int4 /);
    assert.match(
      stdout,
      /hellaswag: \d+ of 20 answers changed \([\d.]+ %\), .*; log-likelihoods differ by [\d.]+ on average/,
    );
    const compared = JSON.parse((await llama(["eval", "compare", a, b, "--json"])).stdout);
    checkSchema("eval_compare", compared);
    const { metrics, answers } = compared;
    const acc = metrics.find(({ task, metric }: Record<string, string>) => task === "hellaswag" && metric === "acc");
    assert.equal(acc.only_a - acc.only_b, Math.round((acc.a - acc.b) * 20));
    assert.ok(acc.p > 0 && acc.p <= acc.p_holm);
    assert.ok(answers[0].likelihoods.largest >= answers[0].likelihoods.mean);
    const bare = join(folder, "results_1.json");
    writeFileSync(bare, named("fp32", "results_").at(-1)!);
    const differs = await llama(["eval", "compare", a, bare]);
    assert.equal(differs.code, 2);
    assert.match(differs.stderr, /has no samples beside it/);

    const page = join(folder, "report.html");
    assert.equal((await llama(["eval", "report", a, b, "-o", page])).code, 0);
    const html = readFileSync(page, "utf8");
    assert.match(html, /^<!doctype html>\n<html lang="en">/);
    assert.match(html, /CrowS-Pairs/);
    assert.match(html, /LLaMA-65B/);
    // Nothing is loaded from elsewhere, and nothing runs.
    assert.doesNotMatch(html, /<script|<link|<img|\bsrc=|url\(|@import|https?:\/\/(?!www\.w3\.org)/i);
    assert.match(html, /default-src &#39;none&#39;/);
  });
});
