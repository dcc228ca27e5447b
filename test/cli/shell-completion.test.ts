/** Completion in the real shells: bash and zsh on a terminal, fish by its own `complete -C`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BIN, llama, run, temporaryFolder } from "./cli-process.js";
import { Terminal, withoutTerminal } from "./terminal-process.js";

const folder = temporaryFolder();
for (const name of ["bin", "my model dir", "my other"]) mkdirSync(join(folder, name));
for (const name of ["in put.jsonl", "quest.jsonl"]) writeFileSync(join(folder, name), "");
writeFileSync(join(folder, "bin/llama-ts"), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
chmodSync(join(folder, "bin/llama-ts"), 0o755);
const env = { PATH: `${folder}/bin:${process.env.PATH}`, HOME: folder, PS1: "$ ", LLAMA_TS_CONFIG: "" };

const absent = (shell: string) =>
  spawnSync(shell, ["--version"]).status === 0 ? false : `${shell} is not installed on this machine`;

/** Lines with one completion each, and what the line is after a Tab. */
const ONE = [
  ["llama-ts ge", "llama-ts generate "],
  ["llama-ts generate --ckpt_dir my\\ m", "llama-ts generate --ckpt_dir my\\ model\\ dir/"],
  ["llama-ts generate --ckpt_dir=my\\ m", "llama-ts generate --ckpt_dir=my\\ model\\ dir/"],
  ["llama-ts generate --ckpt-dir my\\ m", "llama-ts generate --ckpt-dir my\\ model\\ dir/"],
  ["llama-ts batch in", "llama-ts batch in\\ put.jsonl "],
  ["llama-ts batch -o que", "llama-ts batch -o quest.jsonl "],
  ["llama-ts generate --prompt_file=que", "llama-ts generate --prompt_file=quest.jsonl "],
  ["llama-ts generate --dtype=f", "llama-ts generate --dtype=fp32 "],
  ["llama-ts generate --dtype f", "llama-ts generate --dtype fp32 "],
  ["llama-ts --nproc_per_node 2 --ck", "llama-ts --nproc_per_node 2 --ckpt_dir "],
  ["llama-ts torchrun --nproc-per-node 2 --ckpt-", "llama-ts torchrun --nproc-per-node 2 --ckpt-dir "],
  ["llama-ts example.py --dt", "llama-ts example.py --dtype "],
  ["llama-ts --ck", "llama-ts --ckpt_dir "],
  ["llama-ts generate --he", "llama-ts generate --help "],
  ["llama-ts he", "llama-ts help "],
  ["llama-ts help ex", "llama-ts help exit-codes "],
  ["llama-ts completion f", "llama-ts completion fish "],
  ["llama-ts config ba", "llama-ts config batch "],
  ["llama-ts cache cl", "llama-ts cache clear "],
  ["llama-ts eval --tasks piqa,hellas", "llama-ts eval --tasks piqa,hellaswag "],
  ["llama-ts eval list race_m", "llama-ts eval list race_middle "],
  ["llama-ts bench --preset 7", "llama-ts bench --preset 7"],
  ["llama-ts bench --preset 3.1-8", "llama-ts bench --preset 3.1-8B "],
  ["llama-ts bench --dtype int8,fp", "llama-ts bench --dtype int8,fp32 "],
  ["llama-ts inspect my\\ m", "llama-ts inspect my\\ model\\ dir/"],
  ["llama-ts generate quest", "llama-ts generate quest"],
] as const;

const wordsOf = (line: string) =>
  line
    .trimEnd()
    .split(/(?<!\\) /)
    .map((word) => word.replaceAll("\\", ""));

/** Completes each line, and lets a function of the shell show the words of the result. */
async function completeAll(shell: Terminal, setUp: string): Promise<void> {
  await shell.until("$ ");
  shell.type(`cd '${folder}'; stty cols 200; show() { printf '<%s>' "$@"; printf '.\\n'; }; ${setUp}; echo re""ady\r`);
  await shell.until("ready\n");
  for (const [line, expected] of ONE) {
    // Ctrl-A goes to the start of the line.
    shell.type(`${line}\t\x01show \r`);
    const [, words] = /<(.*)>\.\n/.exec(await shell.until(/<.*>\.\n/))!;
    // zsh removes the slash again at the end of the word.
    const bare = (list: readonly string[]) => list.map((word) => word.replace(/\/$/, ""));
    assert.deepEqual(bare(words!.split("><")), bare(wordsOf(expected)), line);
  }
  shell.type("exit\r");
  await shell.exit();
}

describe("completion", { concurrency: 1 }, () => {
  test("bash", { skip: absent("bash") || withoutTerminal }, async () => {
    const shell = new Terminal({ command: "bash --noprofile --norc -i" }, env);
    await completeAll(shell, 'bind "set enable-bracketed-paste off"; eval "$(llama-ts completion bash)"');
  });

  test("zsh", { skip: absent("zsh") || withoutTerminal }, async () => {
    const shell = new Terminal({ command: "zsh -f -i" }, env);
    await completeAll(
      shell,
      'bindkey -e; unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; eval "$(llama-ts completion zsh)"',
    );
  });

  test("fish", { skip: absent("fish") }, async () => {
    writeFileSync(join(folder, "llama-ts.fish"), (await llama(["completion", "fish"])).stdout);
    const complete = async (line: string) => {
      const script = `cd ${folder}; source llama-ts.fish; complete -C '${line}'`;
      const { stdout, stderr } = await run("fish", ["--no-config", "-c", script], { env });
      assert.equal(stderr, "");
      return stdout.split("\n").map((found) => found.split("\t")[0]!);
    };
    for (const [line, expected] of ONE) {
      if (line === expected) continue;
      assert.deepEqual(await complete(line), [wordsOf(expected).at(-1), ""], line);
    }
    assert.deepEqual(await complete("llama-ts generate que"), [""]);
  });

  test("several words are listed in their order, with both spellings of options", async () => {
    const words = async (...line: string[]) => {
      const { stdout } = await llama(["__complete", "--", ...line]);
      return stdout
        .trimEnd()
        .split("\n")
        .map((found) => found.split("\t")[0]);
    };
    assert.deepEqual(await words("generate", "--max_"), ["words", "--max_seq_len", "--max_gen_len"]);
    assert.deepEqual(await words("generate", "--max-g"), ["words", "--max-gen-len"]);
    assert.deepEqual(await words("generate", "--dtype=int"), ["words", "--dtype=int8", "--dtype=int4"]);
    assert.deepEqual(await words("completion", ""), ["words", "bash", "zsh", "fish"]);
    assert.deepEqual(await words("generate", "--prompt", ""), ["words"]);
    assert.deepEqual(await words("nonsense", ""), ["words"]);
    assert.ok((await words("bench", "--preset", "")).includes("70B"));
    const commands = await words("");
    assert.deepEqual(commands.slice(0, 3), ["words", "generate", "repl"]);
    assert.equal(commands.at(-1), "help");
  });

  test("an unknown shell is refused", async () => {
    assert.equal((await llama(["completion", "csh"])).code, 2);
  });
});
