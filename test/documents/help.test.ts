/** The examples of every command's help are lines that run. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { describe, test } from "node:test";
import { DEMO, llama, run } from "../cli/cli-process.js";
import { Sandbox } from "./sandbox.js";

/** Examples that are not run. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "llama-ts bench --preset 7B --layers 8 --dtype int4 --csv > 7B.csv": "takes minutes",
  "llama-ts bench --ckpt_dir 7B --dtype int8,int4 --nproc_per_node 1,2 --depth 0,1500":
    "takes long; cli/bench.test.ts sweeps lists",
};

/** Short answers and trials, where the line does not say otherwise; a part of a job. */
const SHORT = {
  ...{ LLAMA_TS_MAX_GEN_LEN: "2", LLAMA_TS_PP: "8", LLAMA_TS_TG: "2", LLAMA_TS_TRIALS: "1", LLAMA_TS_WARMUP: "0" },
  ...{ SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_TASK_COUNT: "4", SLURM_ARRAY_TASK_MIN: "1", SLURM_ARRAY_TASK_STEP: "1" },
};
/** Files and folders that the examples name. */
const FILES = {
  "article.txt": "Lily had a red ball.\n",
  "prompts.jsonl": '{"prompt":"Once"}\n',
  "in.jsonl": '{"prompt":"Once"}\n'.repeat(4),
  "q.jsonl": '{"n":1,"question":"Once"}\n',
  "pairs.jsonl": '{"context":"Once upon a","continuation":" time"}\n',
  "wiki.test.raw": "Once upon a time, there was a little girl named Lily.\n",
};
const MODELS = ["7B", "13B", "llama-2-7b-chat"];
const FOLDERS = ["~/.zfunc", "~/.config/fish/completions"];

describe("the examples of help", { skip: process.platform === "win32", concurrency: 2 }, async () => {
  const helps = async (...words: string[]) => (await llama(["help", ...words])).stdout;
  const [, list] = (await helps()).split("Commands:\n");
  const commands = [...list!.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!).filter((name) => name !== "help");
  const texts = await Promise.all([[], ...commands.map((name) => [name])].map((words) => helps(...words)));
  const examples = texts.flatMap((text) => [...text.matchAll(/^ +\$ (.+)$/gm)].map(([, example]) => example!));
  const { code: jq } = await run("sh", ["-c", "command -v jq"]);

  for (const example of new Set(examples)) {
    if (NOT_RUN[example] !== undefined) continue;
    const skip = jq !== 0 && example.includes("jq ") && "jq is not here";
    test(example, { skip }, async () => {
      const sandbox = new Sandbox(SHORT);
      for (const name of MODELS) symlinkSync(DEMO, sandbox.path(name));
      for (const name of FOLDERS) mkdirSync(sandbox.path(name), { recursive: true });
      for (const [name, text] of Object.entries(FILES)) sandbox.write(name, text);
      const { code, stderr } = await sandbox.run(`set -o pipefail\n${example}`);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /^(llama-ts|Warning|bash|jq):/m);
    });
  }

  test("are found, and those that are not run are examples", () => {
    assert.equal(commands.length, 9);
    assert.ok(examples.length > 20, `${examples.length}`);
    for (const example of Object.keys(NOT_RUN)) assert.ok(examples.includes(example), example);
  });
});
