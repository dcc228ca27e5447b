/** Every block of the documents is run as it is and prints what it shows, or is named here with a reason. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { machineMemory } from "../../src/engine/machine/machine-memory.js";
import { DEMO } from "../cli/cli-process.js";
import { screenText, Terminal, withoutTerminal } from "../cli/terminal-process.js";
import { worker } from "../cli/working-process.js";
import { fixture, shared, withoutShared } from "../folders.js";
import { writeZeroCheckpoint } from "../model/zero-checkpoint.js";
import { type Block, blocksOf, type Example, examplesOf, ROOT } from "./blocks.js";
import { Sandbox } from "./sandbox.js";
import { assertShown } from "./varying.js";

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "models/demo/README.md", "bench/peer/README.md"].concat(
  readdirSync(join(ROOT, "docs"))
    // server/documents.test.ts and net/documents.test.ts run their blocks against servers.
    .filter((name) => name.endsWith(".md") && !["serve.md", "deploy.md", "scale-out.md"].includes(name))
    .map((name) => `docs/${name}`),
);

/** Blocks that are not run, by their first words. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "npm ci && npx llama-ts generate": "installs",
  "npm pack && npm install -g": "installs; package.test.ts does it",
  "npm install --ignore-scripts llama-ts": "installs",
  "npm ci                #": "the loop of development",
  "npx llama-ts generate --nproc_per_node 2 --ckpt_dir llama-2-7b": "needs the weights of 7B",
  "$ llama-ts bench --preset 7B":
    "takes minutes, and all its figures are the machine's; cli/bench.test.ts has its form",
  "LOG_DIR/none_XXXXXX": "folders; cli/torchrun.test.ts",
  " cli          flags, prompt": "a drawing",
  "one rank    qkv": "a drawing",
  "--- temperature 0.0; 211 tokens": "written by train.py; engine/golden.test.ts has the model's numbers",
  "npm ci                     ": "installs another program",
  "host0$ llama-ts generate --nnodes 2": "needs the weights of 70B; nodes/commands.test.ts runs its form",
  "batch.js     many prompts": "files",
};

/** Lines of stderr; all others are of stdout. */
const REMARK =
  /^(?:llama-ts: |\[default\d\]: |Warning: |No --ckpt_dir: |Verified |Removed |\S+\.py is not run: |model \S+: |\d+ ranks? of |rank \d+: |\d+ prompt \+ |\d+ requests: |[\d.]+ GB in )/;

const SHAPE = { multiple_of: 256, norm_eps: 1e-5 };
const TOKENIZER = join(DEMO, "tokenizer.model");
const write13B = ({ folder }: Sandbox) => {
  const params = { ...SHAPE, dim: 5120, n_heads: 40, n_layers: 40, vocab_size: 32000 };
  writeZeroCheckpoint(join(folder, "llama-2-13b"), params, 2, TOKENIZER);
};

/** The made-up documents that lm-evaluation-harness was run on. */
const copyTasks = (sandbox: Sandbox, tasks: readonly string[]) => {
  for (const task of tasks) cpSync(join(fixture("lm-eval"), task), sandbox.path(`data/${task}`), { recursive: true });
};

/** What must be there before; a text says why the block cannot be run here. */
const PREPARED: Readonly<Record<string, (sandbox: Sandbox) => unknown>> = {
  "$ llama-ts inspect llama-2-13b": write13B,
  "$ llama-ts generate --ckpt_dir llama-2-13b": (sandbox) => {
    const { available } = machineMemory();
    if (available < 22e9 || available > 55e9) return "the memory here leads to other words";
    write13B(sandbox);
    return null;
  },
  '$ echo \'{"id":"yes"': (sandbox) => {
    if (withoutShared) return withoutShared;
    sandbox.write("stories.txt", readFileSync(shared("text/held-out-stories.txt")).subarray(0, 20000).toString());
    return null;
  },
  "$ llama-ts eval --tasks arc_easy": (sandbox) => copyTasks(sandbox, ["arc_easy", "mmlu_high_school_biology"]),
  "$ llama-ts eval --tasks hellaswag": (sandbox) => copyTasks(sandbox, ["hellaswag"]),
  "$ llama-ts cache list": async (sandbox) => {
    const params = { ...SHAPE, dim: 1088, n_heads: 17, n_layers: 1, vocab_size: 2048 };
    writeZeroCheckpoint(join(sandbox.home, "7B-4-layers"), params, 1, TOKENIZER);
    const options = "--ckpt_dir ~/7B-4-layers --dtype int4 --nproc_per_node 2 --prompt Hi --max_gen_len 1 --quiet";
    assert.equal((await sandbox.run(`llama-ts generate ${options}`)).code, 0);
  },
};

/** Killed from outside as soon as it writes. */
const KILLED = '$ llama-ts generate --prompt "Once upon a time" --temperature 0 --max_gen_len 400 --quiet\n, there\n';
/** The line that a terminal shows while the model loads. */
const SPINNER = /[\u2800-\u28ff] Loading( [\d.]+ of [\d.]+ MB \(\d+ %\)(, \d+ s left)?)?/g;
/** A dialogue on a terminal. */
const DIALOGUE = "$ llama-ts --temperature 0 --max_gen_len 32\n";

function find<T>(table: Readonly<Record<string, T>>, { text }: Block): T | undefined {
  return Object.entries(table).find(([beginning]) => text.startsWith(beginning))?.[1];
}

async function runExample(sandbox: Sandbox, { command, shown }: Example): Promise<void> {
  // A file that is shown and not there yet is part of the example.
  const [, name] = /^cat (\S+)$/.exec(command) ?? [];
  if (name !== undefined && sandbox.write(name, shown)) return;
  const { stdout, stderr } = await sandbox.run(command);
  const lines = shown.split(/(?<=\n)/);
  assertShown(stdout, lines.filter((line) => !REMARK.test(line)).join(""), command);
  assertShown(stderr, lines.filter((line) => REMARK.test(line)).join(""), command);
}

async function runKilled(sandbox: Sandbox, { command, shown }: Example): Promise<void> {
  let isKilled = false;
  const onStdout = ({ pid }: ChildProcess) => {
    if (isKilled) return;
    isKilled = true;
    // The last process after the shell, if it is still there, and the supervisor.
    let last = pid!;
    for (let next = worker(last); next !== null; next = worker(last)) last = next;
    process.kill(last, "SIGKILL");
  };
  const { stdout, stderr } = await sandbox.run(command, { onStdout });
  const [text, ...report] = shown.split(/(?<=\n)/);
  // Where it is cut depends on the moment.
  const cut = text!.trimEnd();
  assert.ok(stdout.length > 0 && (cut.startsWith(stdout) || stdout.startsWith(cut)), stdout);
  assertShown(stderr, report.join(""), command);
}

async function runDialogue(sandbox: Sandbox, { command, shown }: Example): Promise<void> {
  const terminal = new Terminal(command.split(" ").slice(1), { ...sandbox.env, XDG_STATE_HOME: sandbox.home });
  for (const [, , typed] of shown.matchAll(/^(>>>|\.\.\.) (.*)$/gm)) {
    await terminal.until(/^(>>>|\.\.\.) $/m);
    terminal.type(`${typed}\r`);
  }
  assert.equal(await terminal.exit(), 0);
  // The spinner takes its line back.
  const all = screenText(terminal.raw);
  const text = all.slice(all.indexOf("No --ckpt_dir")).replace(SPINNER, "");
  assertShown(text, shown, command);
}

/** The blocks of JavaScript of a page are one program; the block after the first is what that prints, a comment what the second returns. */
async function runLibrary(blocks: readonly Block[]): Promise<void> {
  const [first, printed, second, third, printedThird] = blocks;
  const sandbox = new Sandbox();
  mkdirSync(sandbox.path("node_modules"));
  symlinkSync(ROOT, sandbox.path("node_modules/llama-ts"));
  const program = [first!.text.replace(/^await llama\.close\(\);\n/m, "")];
  assert.equal(program[0]!.includes("llama.close"), false);
  let stdout = printed!.text;
  if (second !== undefined) {
    const [, answer] = /^\/\/ (\{ role: .*\})\n/m.exec(second.text)!;
    program.push(
      second.text,
      "const { role, content } = generation;",
      'console.log("{ role: " + JSON.stringify(role) + ", content: " + JSON.stringify(content) + " }");',
    );
    stdout += `${answer}\n`;
  }
  if (third !== undefined) {
    program.push(third.text);
    stdout += printedThird!.text;
  }
  sandbox.write("program.mjs", [...program, "await llama.close();"].join("\n"));
  assert.deepEqual(await sandbox.run("node program.mjs"), { code: 0, signal: null, stderr: "", stdout });
}

const isWindows = process.platform === "win32";

describe("the documents", { skip: isWindows && "a POSIX shell runs them", concurrency: 2 }, () => {
  const all = DOCUMENTS.flatMap(blocksOf);
  const handled = new Set<Block>();

  for (const name of ["README.md", "docs/library.md", "docs/chat.md"]) {
    const page = all.filter(({ place }) => place.startsWith(name));
    const library = page.filter(
      ({ language }, i) => language === "js" || (language === "" && page[i - 1]?.language === "js"),
    );
    for (const block of library) handled.add(block);
    test(`the library in ${name}`, () => runLibrary(library));
  }

  for (const block of all.filter(({ language }) => language === "console")) {
    if (find(NOT_RUN, block) !== undefined) continue;
    handled.add(block);
    const [example] = examplesOf(block);
    test(`${block.place}: ${example!.command}`, async (t) => {
      const sandbox = new Sandbox();
      const problem = await find(PREPARED, block)?.(sandbox);
      if (typeof problem === "string") return t.skip(problem);
      if (block.text.startsWith(KILLED)) return runKilled(sandbox, example!);
      if (block.text.startsWith(DIALOGUE)) {
        return withoutTerminal ? t.skip(withoutTerminal) : runDialogue(sandbox, example!);
      }
      for (const each of examplesOf(block)) await runExample(sandbox, each);
    });
  }

  test("every other block is named with a reason, and every name has its block", () => {
    const rest = all.filter((block) => !handled.has(block));
    assert.deepEqual(
      rest.filter((block) => find(NOT_RUN, block) === undefined).map(({ place }) => place),
      [],
    );
    for (const beginning of [...Object.keys(NOT_RUN), ...Object.keys(PREPARED), KILLED, DIALOGUE]) {
      assert.equal(all.filter(({ text }) => text.startsWith(beginning)).length, 1, beginning);
    }
  });
});
