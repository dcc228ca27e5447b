/** Faults of the place a command runs in have words of their own: its folder, limits, variables, an empty input. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { describe, test } from "node:test";
import { LastWords } from "../../src/cli/supervisor/last-words.cjs";
import { hasSmallWasm } from "../../src/cli/supervisor/limits.cjs";
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

  test("limits that are too small to start are named in one line", { skip: !isLinux && "limits differ" }, async () => {
    for (const [limit, code, found] of [
      [
        "-n 20",
        1,
        "limit of open files is too small; expected at least 256, found 20. Raise the limit (ulimit -n 1024)",
      ],
      [
        "-n 60",
        1,
        "limit of open files is too small; expected at least 256, found 60. Raise the limit (ulimit -n 1024)",
      ],
      ["-v 1000000", 4, "limit of address space is too small; expected at least "],
    ] as const) {
      for (const command of [GENERATE, "inspect"]) {
        const run = await shell(`ulimit ${limit}; "$0" "$1" ${command}`);
        assert.deepEqual([run.code, run.stdout], [code, ""], run.stderr);
        assert.match(run.stderr, /^[^\n]*\n$/);
        assert.ok(run.stderr.includes(found), run.stderr);
      }
    }
  });

  const small = hasSmallWasm() ? false : "WebAssembly of this Node needs more";
  test("a limit of 4 GB of address space is enough for one rank", { skip: !isLinux || small }, async () => {
    const plain = await shell(`"$0" "$1" ${GENERATE}`);
    assert.deepEqual(await shell(`ulimit -v 4000000; "$0" "$1" ${GENERATE}`), plain);
    // Every rank reserves some: it is said that they are too many, and not what V8 prints.
    const { code, stderr } = await shell(`ulimit -v 3000000; "$0" "$1" ${GENERATE} --nproc_per_node 8`);
    assert.equal(code, 4, stderr);
    assert.match(
      stderr,
      /^llama-ts: [^\n]*memory[^\n]*\n(First failure: [^\n]*\n)?$|^llama-ts: out of address space while/,
    );
    assert.doesNotMatch(stderr, /^#|FATAL|Aborted/m);
  });

  test("what V8 prints before it dies is held back, everything else is passed on", async () => {
    const stream = new PassThrough();
    let passed = "";
    const words = new LastWords(stream, (text) => {
      passed += text;
    });
    const dying = "\n#\n# Fatal process OOM in Failed to reserve virtual memory for CodeRange\n#\n\n";
    stream.write("Warning: one\nAborted(RangeError: WebAssembly.instantiate(): Out of memory)\n");
    stream.write(`two\n${dying}`);
    stream.end("more\n");
    await finished(stream);
    assert.deepEqual([passed, words.held], ["Warning: one\ntwo", `\n${dying}more\n`]);
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
