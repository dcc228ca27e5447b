/** Faults of the place a command runs in have words of their own: its folder, limits, variables, an empty input. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BIN, llama, run, temporaryFolder } from "./cli-process.js";

const folder = temporaryFolder();
const GENERATE = "generate --prompt Once --temperature 0 --max_gen_len 2 --quiet";
const isLinux = process.platform === "linux";
const shell = (script: string, env: NodeJS.ProcessEnv = {}) =>
  run("bash", ["-c", script, process.execPath, BIN], { env: { LLAMA_TS_NO_SUPERVISOR: undefined, ...env } });

describe("the surroundings", { concurrency: 2 }, () => {
  test("a current folder that was deleted is named", { skip: !isLinux && "it cannot be deleted" }, async () => {
    const gone = join(folder, "gone");
    const enter = `mkdir ${gone} && cd ${gone} && rmdir ${gone}`;
    for (const command of [GENERATE, "inspect", "cache list"]) {
      const { code, stdout, stderr } = await shell(`${enter}; "$0" "$1" ${command}`);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^llama-ts: \S+\/gone: is the current folder, and does not exist any more\. .*\n$/);
    }
    assert.equal((await shell(`${enter}; "$0" "$1" --help`)).code, 0);
  });

  test("a limit of open files is named", { skip: !isLinux && "limits differ" }, async () => {
    const { code, stderr } = await shell(`ulimit -n 20; "$0" "$1" ${GENERATE}`);
    assert.equal(code, 1);
    assert.match(stderr, /^llama-ts: [^\n]*too many open files[^\n]*\. Raise the limit \(ulimit -n\)\n$/);
  });

  test("a limit of address space is not blamed on the tokenizer", { skip: !isLinux && "limits differ" }, async () => {
    const { code, stderr } = await shell(`ulimit -v 2000000; "$0" "$1" ${GENERATE}`);
    // The runtime, which loads at the same time, can fail first.
    assert.notEqual(code, 3, stderr);
    assert.doesNotMatch(stderr, /cannot be loaded/);
    if (code === 4) assert.match(stderr, /: not enough memory to load it\. .*raise the limit \(ulimit -v\)\n/);
  });

  test("a variable that is not an option is refused, with the one that was probably meant", async () => {
    for (const [variable, fix] of [
      ["LLAMA_TS_TEMPERATUR", "Did you mean LLAMA_TS_TEMPERATURE?"],
      ["LLAMA_TS_MAXGENLEN", "Did you mean LLAMA_TS_MAX_GEN_LEN?"],
      ["LLAMA_TS_XYZZY", "llama-ts config lists the options"],
    ] as const) {
      for (const command of [GENERATE.split(" "), ["config"]]) {
        const { code, stdout, stderr } = await llama(command, { env: { [variable]: "0" } });
        assert.deepEqual([code, stdout, stderr], [2, "", `llama-ts: ${variable}: is not an option. ${fix}\n`]);
      }
    }
    // An option of another command is not a mistake.
    assert.equal((await llama(GENERATE.split(" "), { env: { LLAMA_TS_CONCURRENCY: "2" } })).code, 0);
  });

  test("settings of another user are left out with a remark; a file that is named must be readable", async (t) => {
    // Root may read everything.
    const other = process.getuid?.() === 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
    const probe = await shell(`${other}"$0" -e 'fs.readFileSync(process.argv[1])' "$1"`);
    if (probe.code !== 0) return t.skip("root may read everything, and another user may not read the program");
    const place = temporaryFolder();
    chmodSync(place, 0o755);
    mkdirSync(join(place, "llama-ts"));
    const file = join(place, "llama-ts", "config");
    writeFileSync(file, "max_gen_len = 1\n");
    chmodSync(file, 0);
    const command = `${other}"$0" "$1" ${GENERATE.replace(" --quiet", "")}`;
    const { code, stderr } = await shell(command, { XDG_CONFIG_HOME: place, LLAMA_TS_CONFIG: undefined });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Warning: settings are not read: \S+config: cannot be read: EACCES/);
    assert.equal((await shell(command, { LLAMA_TS_CONFIG: file })).code, 2);
  });

  test("without requests no model is loaded", async () => {
    const empty = join(folder, "empty");
    writeFileSync(empty, "");
    for (const command of ["batch", "score"]) {
      const none = await llama([command]);
      assert.deepEqual([none.code, none.stdout], [2, ""]);
      assert.match(none.stderr, /^llama-ts: no requests\. Give a file/);
      const { code, stdout, stderr } = await llama([command, empty, "--ckpt_dir", join(folder, "no-model")]);
      assert.deepEqual([code, stdout], [0, ""]);
      assert.match(stderr, /^0 requests: 0 answered/);
    }
  });
});
