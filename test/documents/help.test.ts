/** Help is short, has three examples for each command, and its examples run. Does not know the options. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { DEMO, llama, run } from "../cli/cli-process.js";
import { ROOT } from "./blocks.js";
import { Sandbox } from "./sandbox.js";

const COMMANDS = [
  "generate",
  "repl",
  "batch",
  "serve",
  "worker",
  "score",
  "eval",
  "bench",
  "inspect",
  "queue",
  "cache",
  "config",
  "completion",
];

/** Examples that are not run. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "llama-ts bench --preset 7B --layers 8 --dtype int4 --csv > 7B.csv": "takes minutes",
  "llama-ts eval compare out/fp32 out/int8": "needs two outputs; cli/eval.test.ts",
  "llama-ts serve": "ends at a signal; server/serve.test.ts",
  "LLAMA_TS_API_KEY=secret llama-ts serve --host 0.0.0.0": "ends at a signal; server/access.test.ts",
  'curl localhost:8080/v1/completions --json \'{"prompt": "Once"}\'': "needs a server; server/serve.test.ts",
  "llama-ts bench --ckpt_dir 7B --dtype int8,int4 --depth 0,1500": "takes long; cli/bench.test.ts sweeps lists",
};

/** Examples with an option that needs a NATS server; net/ runs such lines. */
const NEEDS_QUEUE = /--queue /;

/** Settings that keep answers and trials short, where the line does not set them. */
const SHORT = {
  LLAMA_TS_MAX_GEN_LEN: "2",
  LLAMA_TS_PP: "8",
  LLAMA_TS_TG: "2",
  LLAMA_TS_TRIALS: "1",
  LLAMA_TS_WARMUP: "0",
};
/** Files and folders that the examples name. */
const FILES = {
  "article.txt": "Lily had a red ball.\n",
  "prompts.jsonl": '{"prompt":"Once"}\n',
  "in.jsonl": '{"prompt":"Once"}\n'.repeat(4),
  "q.jsonl": '{"n":1,"question":"Once"}\n',
  "pairs.jsonl": '{"context":"Once upon a","continuation":" time"}\n',
  "data/arc_easy/test.jsonl":
    '{"question":"Who?","choices":{"text":["Tom","Lily"],"label":["A","B"]},"answerKey":"B"}\n',
  "wiki.test.raw": "Once upon a time, there was a little girl named Lily.\n",
};
const MODELS = ["7B", "13B", "llama-2-7b-chat"];
const FOLDERS = ["~/.zfunc", "~/.config/fish/completions"];

const helpOf = async (...words: string[]) => (await llama(["help", ...words])).stdout;
const examplesIn = (help: string) => [...help.matchAll(/^ {4}\$ (.+)$/gm)].map(([, example]) => example!);

const overview = await helpOf();
const helps = await Promise.all(COMMANDS.map(async (name) => [name, await helpOf(name)] as const));
const tried = /^Try: +(llama-ts .+)$/m.exec(overview)?.[1];
const examples = [tried!, ...helps.flatMap(([, help]) => examplesIn(help))];
const { code: jq } = await run("sh", ["-c", "command -v jq"]);

describe("help", { concurrency: 2 }, () => {
  test("the overview lists every command by group, in at most 24 lines", () => {
    assert.ok(overview.trimEnd().split("\n").length <= 24, overview);
    const [, groups] = /\n\n(Run:\n.*)\nOptions of most commands:\n/s.exec(overview) ?? [];
    const listed = [...groups!.matchAll(/^(\w+:)$|^ {2}([a-z]+) {2,}[A-Z].*\.$/gm)].map(
      ([, group, name]) => group ?? name,
    );
    assert.deepEqual(listed, [
      ...["Run:", "generate", "repl", "batch", "serve", "worker"],
      ...["Measure:", "score", "eval", "bench"],
      ...["Look:", "inspect", "queue", "cache", "config", "completion"],
    ]);
    assert.ok(tried);
  });

  test("the overview's options are options of generate", () => {
    const generate = helps[0]![1];
    const options = [...overview.matchAll(/^ {2}(--\w+ <\w+>) {2}/gm)].map(([, option]) => option!);
    assert.deepEqual(options, ["--ckpt_dir <dir>", "--dtype <type>"]);
    for (const option of options) assert.ok(generate.includes(`\n  ${option} `), option);
  });

  test("help of every command has at most 80 columns, three examples and a page, but no exit codes", () => {
    for (const [name, help] of helps) {
      assert.match(help, new RegExp(`^Usage: llama-ts ${name} .*\n\n[A-Z][^.]*\\.\n\n`), name);
      assert.equal(examplesIn(help).length, 3, name);
      const [, page] = /\n\nMore: (docs\/[\w-]+\.md), llama-ts help exit-codes\n\n?$/.exec(help) ?? [];
      assert.ok(page && existsSync(join(ROOT, page)), name);
      assert.doesNotMatch(help, /exit codes|SIGTERM|130/i, name);
    }
    for (const [name, help] of [["", overview], ...helps] as const) {
      for (const line of help.split("\n")) assert.ok(line.length <= 80, `${name}: ${line}`);
    }
  });

  test("help, --help and -h print the same", async () => {
    for (const words of [["--help"], ["-h"]]) assert.equal((await llama(words)).stdout, overview);
    for (const words of [
      ["generate", "--help"],
      ["generate", "-h"],
    ]) {
      assert.equal((await llama(words)).stdout, helps[0]![1]);
    }
  });

  test("an unknown command is an error that suggests one", async () => {
    for (const [word, suggestion] of [
      ["genrate", " (Did you mean generate?)"],
      ["exit-code", " (Did you mean exit-codes?)"],
      ["nonsense", ". llama-ts --help lists the commands"],
    ] as const) {
      assert.deepEqual(await llama(["help", word]), {
        ...{ code: 2, signal: null, stdout: "" },
        stderr: `llama-ts: unknown command '${word}'${suggestion}\n`,
      });
    }
  });

  test("a mistake in the settings file does not stop help", async () => {
    const env = { LLAMA_TS_CONFIG: "no-such-file" };
    for (const words of [["generate"], ["exit-codes"]]) {
      assert.equal((await llama(["help", ...words], { env })).code, 0);
    }
  });

  for (const example of new Set(examples)) {
    if (NOT_RUN[example] !== undefined || NEEDS_QUEUE.test(example)) continue;
    const skip = jq !== 0 && example.includes("jq ") && "jq is not here";
    test(example, {
      skip: skip || (process.platform === "win32" && "the examples are for a POSIX shell"),
    }, async () => {
      const sandbox = new Sandbox(SHORT);
      for (const name of MODELS) symlinkSync(DEMO, sandbox.path(name));
      for (const name of FOLDERS) mkdirSync(sandbox.path(name), { recursive: true });
      for (const [name, text] of Object.entries(FILES)) sandbox.write(name, text);
      const { code, stderr } = await sandbox.run(`set -o pipefail\n${example}`);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /^(llama-ts|Warning|bash|jq):/m);
    });
  }

  test("the examples that are not run exist", () => {
    for (const example of Object.keys(NOT_RUN)) assert.ok(examples.includes(example), example);
  });
});
