import assert from "node:assert/strict";
import { test } from "node:test";
import { normaliseArgv } from "../../src/cli/options/argv.js";
import { createProgram } from "../../src/cli/program.js";

const program = createProgram(() => {});
const normalise = (line: string, terminal = false) =>
  normaliseArgv(line === "" ? [] : line.split(" "), program, terminal).join(" ");

test("options are accepted in both spellings", () => {
  assert.equal(normalise("generate --ckpt-dir a --max-gen_len=5"), "generate --ckpt_dir a --max_gen_len=5");
  assert.equal(normalise("generate --no-such-option"), "generate --no-such-option");
});

test("values are not changed, even if they look like options", () => {
  assert.equal(normalise("generate --prompt --ckpt-dir --ckpt-dir a-b"), "generate --prompt --ckpt-dir --ckpt_dir a-b");
  assert.equal(normalise("generate --prompt=--top-p --json"), "generate --prompt=--top-p --json");
  assert.equal(normalise("generate --json -- --top-p"), "generate --json -- --top-p");
});

test("a torchrun line becomes a generate command", () => {
  assert.equal(normalise("--nproc-per-node 2 --ckpt_dir a"), "generate --nproc_per_node 2 --ckpt_dir a");
  assert.equal(normalise("torchrun --nproc_per_node 2 example.py"), "generate --nproc_per_node 2 example.py");
  assert.equal(normalise("example.py --ckpt_dir a"), "generate example.py --ckpt_dir a");
});

test("commands, help and version are not changed", () => {
  for (const line of ["help generate", "--help", "-h", "--version", "-V", "nonsense"]) {
    assert.equal(normalise(line), line);
  }
  assert.equal(normalise("help"), "--help");
});

test("without a command a pipe means generate, and a terminal means repl unless a prompt is given", () => {
  assert.equal(normalise("", false), "generate");
  assert.equal(normalise("", true), "repl");
  assert.equal(normalise("--nproc-per-node 2 --ckpt_dir a", true), "repl --nproc_per_node 2 --ckpt_dir a");
  assert.equal(normalise("example.py --ckpt_dir a", true), "repl example.py --ckpt_dir a");
  assert.equal(normalise("--prompt x", true), "generate --prompt x");
  assert.equal(normalise("--ckpt_dir a --prompt-file=x", true), "generate --ckpt_dir a --prompt_file=x");
  assert.equal(normalise("generate --ckpt_dir a", true), "generate --ckpt_dir a");
});

test("a word that names no command, topic or argument is refused, beside --help too", () => {
  const refused: readonly (readonly [line: string, message: RegExp])[] = [
    ["cache nosuch --help", /^cache: unknown command 'nosuch'; expected list, prune, rm or clear/],
    ["cache --help nosuch", /^cache: unknown command 'nosuch'/],
    ["cache --json nosuch", /^cache: unknown command 'nosuch'/],
    ["cache list nosuch --help", /^cache list: unexpected argument 'nosuch'/],
    ["cache prune nosuch", /^cache prune: unexpected argument 'nosuch'/],
    ["config nosuch -h", /^config: unknown command 'nosuch'; expected generate, /],
    ["eval nosuch --help", /^eval: unknown command 'nosuch'; expected list, compare, report or scores/],
    ["eval --limit 2 nosuch", /^eval: unknown command 'nosuch'/],
    ["completion nosuch --help", /^completion: unknown argument 'nosuch'; expected bash, zsh, fish/],
    ["inspect a b --help", /^inspect: unexpected argument 'b'/],
  ];
  for (const [line, message] of refused) {
    assert.throws(
      () => normalise(line),
      (error: Error) => message.test(error.message),
      line,
    );
  }
  // commander refuses the option, whose value this may be.
  assert.equal(normalise("serve --nosuch 16"), "serve --nosuch 16");
  // commander refuses these words, since nothing asks for help any more.
  for (const line of ["nosuch --help", "nosuch -h", "torchrun nosuch --help"]) assert.equal(normalise(line), "nosuch");
  for (const line of ["--help nosuch", "-h nosuch"]) assert.equal(normalise(line), "help nosuch");
});

test("`help` may be before or after a command that has commands", () => {
  assert.equal(normalise("cache help"), "help cache");
  assert.equal(normalise("cache help list"), "help cache list");
  assert.equal(normalise("--help cache list"), "help cache list");
  assert.equal(normalise("help help"), "--help");
  for (const line of [
    "cache ls",
    "cache rm a b --help",
    "eval list piqa boolq",
    "config batch --json",
    "cache --json",
  ]) {
    assert.equal(normalise(line), line);
  }
});
