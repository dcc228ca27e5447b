/** lm-evaluation-harness asks the real server for three kinds of answers: the numbers are those of `score`, the texts those of `batch`. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { llama, run, temporaryFolder } from "../cli/cli-process.js";
import { type Json, startServer } from "../server/server-process.js";
import { CLIENTS, pythonTool, SKIP } from "./installed.js";

const program = pythonTool("lm_eval");
const skip = program === null && SKIP;
const RANKS = ["--nproc_per_node", "1"];
/** Small, so that the longest text has several windows. */
const MAX_LENGTH = 128;
const BOS = 1;

const lines = (text: string): Json[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("lm-eval, local-completions", { skip }, async () => {
  if (skip) return;
  const folder = temporaryFolder();
  const server = await startServer(["--log_format", "none", "--hidden_bos", ...RANKS]);
  const known = `base_url=${server.url}/v1/completions,num_concurrent=4,max_length=${MAX_LENGTH}`;
  const tasks = join(CLIENTS, "tasks");
  const ended = await run(
    program!,
    [
      ...["--model", "local-completions", "--model_args", `model=demo,${known}`, "--include_path", tasks],
      ...["--tasks", "own_choice,own_text,own_story", "--batch_size", "2", "--log_samples", "--output_path", folder],
    ],
    {
      env: { HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "1", HF_HOME: folder },
      ...{ cwd: tasks, timeout: 120_000 },
    },
  );
  const samples = (task: string): Json[] => {
    assert.equal(ended.code, 0, ended.stderr);
    const name = readdirSync(join(folder, "demo")).find((one) => one.startsWith(`samples_${task}_`))!;
    return lines(readFileSync(join(folder, "demo", name), "utf8"));
  };

  async function score(requests: readonly object[]): Promise<Json[]> {
    const { code, stdout, stderr } = await llama(["score", "--quiet", ...RANKS], {
      input: requests.map((request, id) => JSON.stringify({ id, ...request })).join("\n"),
    });
    assert.equal(code, 0, stderr);
    return lines(stdout).sort((a, b) => a.id - b.id);
  }

  test("multiple choice: log-probabilities and greedy answers of score", async () => {
    const documents = samples("own_choice").sort((a, b) => a.doc_id - b.doc_id);
    const pairs = documents.flatMap(({ doc: { context, choices } }) =>
      choices.map((continuation: string) => ({ context, continuation })),
    );
    const scores = await score(pairs);
    const found = documents.flatMap(({ resps }) =>
      resps.map(([[logprob, greedy]]: [[string, string]]) => [Number(logprob), greedy]),
    );
    for (const [i, { logprob, is_greedy }] of scores.entries()) {
      assert.ok(Math.abs(found[i][0] - logprob) < 1e-4, `${found[i][0]} and ${logprob} of ${JSON.stringify(pairs[i])}`);
      assert.equal(found[i][1], is_greedy ? "True" : "False", JSON.stringify(pairs[i]));
    }
    assert.ok(scores.some(({ is_greedy }) => is_greedy));
  });

  test("rolling: the sum of score over the same windows", async () => {
    const documents = samples("own_story");
    const windows: { id: number; context_ids: number[]; continuation_ids: number[] }[] = [];
    for (const [id, { doc }] of documents.entries()) {
      const { body } = await server.json("/tokenize", { prompt: doc.text, add_special_tokens: false });
      for (const window of rollingWindows(body.tokens)) windows.push({ id, ...window });
    }
    assert.ok(windows.length > documents.length);
    const scores = await score(windows.map((window, id) => ({ ...window, id })));
    for (const [id, { resps }] of documents.entries()) {
      const sum = scores.reduce((total, { logprob }, i) => total + (windows[i]!.id === id ? logprob : 0), 0);
      assert.ok(Math.abs(Number(resps[0][0]) - sum) < 1e-4, `${resps[0][0]} and ${sum}`);
    }
  });

  test("rolling over one window is score --perplexity", async () => {
    const [{ doc, resps }] = samples("own_story");
    const file = join(folder, "story.txt");
    writeFileSync(file, doc.text);
    const { stdout, stderr } = await llama(["score", "--perplexity", file, "--quiet", ...RANKS]);
    const { nats_per_token, tokens } = JSON.parse(stdout || stderr);
    assert.ok(Math.abs(Number(resps[0][0]) + nats_per_token * tokens) < 1e-3, `${resps[0][0]}`);
  });

  test("generation: the texts of batch, cut at the same stop strings", async () => {
    const documents = samples("own_text");
    const requests = documents.map(({ doc: { prompt } }, id) => ({ id, prompt, stop: ["\n\n", "."], max_gen_len: 24 }));
    const { stdout, stderr, code } = await llama(["batch", "--temperature", "0", "--quiet", ...RANKS], {
      input: requests.map((one) => JSON.stringify(one)).join("\n"),
    });
    assert.equal(code, 0, stderr);
    const texts = lines(stdout).sort((a, b) => a.id - b.id);
    assert.deepEqual(
      documents.map(({ resps }) => resps[0][0]),
      texts.map(({ text }) => text),
    );
  });
});

/** lm-eval's windows of a text: each token once, after the token before its window, and after more where the last one is short. */
function rollingWindows(ids: readonly number[]) {
  const length = MAX_LENGTH - 2;
  const windows = [{ context_ids: [BOS], continuation_ids: ids.slice(0, length) }];
  for (let done = length; done < ids.length; done += length) {
    const end = Math.min(ids.length, done + length);
    const context_ids = [BOS, ...ids.slice(end - length - 1, done)];
    windows.push({ context_ids, continuation_ids: ids.slice(done, end) });
  }
  return windows;
}
