import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { llama, temporaryFolder } from "./cli-process.js";

const folder = temporaryFolder();
mkdirSync(join(folder, "llama-ts"));
const file = join(folder, "llama-ts", "config");
writeFileSync(
  file,
  `# for all commands
temperature = 0
max-gen-len = 3
quiet = true
[batch]
max_gen_len = 2
`,
);
/** The environment with this file as the user's settings. */
const env = { XDG_CONFIG_HOME: folder, LLAMA_TS_CONFIG: undefined };

async function config(args: string[], variables: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await llama(["config", "--json", ...args], { env: { ...env, ...variables } });
  assert.equal(code, 0, stderr);
  const { options } = JSON.parse(stdout);
  return (name: string) => {
    const { value, source } = options.find(({ option }: { option: string }) => option === name);
    return [value, source];
  };
}

describe("settings", { concurrency: 2 }, () => {
  test("the command line overrides the environment, which overrides the file, which overrides the default", async () => {
    const [plain, changed, batch] = await Promise.all([
      config([]),
      config([], {
        LLAMA_TS_MAX_GEN_LEN: "7",
        LLAMA_TS_QUIET: "no",
        LLAMA_TS_CKPT_DIR: "7B",
        LLAMA_TS_LOGIT_BIAS: "5=1.5,2=-inf",
      }),
      config(["batch"]),
    ]);
    assert.deepEqual(plain("max_gen_len"), [3, `${file}:3`]);
    assert.deepEqual(plain("quiet"), [true, `${file}:4`]);
    assert.deepEqual(plain("top_p"), [0.95, "default"]);
    assert.deepEqual(changed("max_gen_len"), [7, "LLAMA_TS_MAX_GEN_LEN"]);
    assert.deepEqual(changed("ckpt_dir"), ["7B", "LLAMA_TS_CKPT_DIR"]);
    assert.deepEqual(changed("logit_bias"), ["2=-inf,5=1.5", "LLAMA_TS_LOGIT_BIAS"]);
    assert.deepEqual(batch("max_gen_len"), [2, `${file}:6`]);
    assert.deepEqual(batch("temperature"), [0, `${file}:2`]);
    const line = ["generate", "--prompt", "Once", "--max_gen_len", "1"];
    const variables = { LLAMA_TS_MAX_GEN_LEN: "2", LLAMA_TS_JSON: "1" };
    const short = await llama(line, { env: { ...env, ...variables } });
    assert.deepEqual(JSON.parse(short.stdout).ids.length, 1);
    // An option of the command line overrides a setting that conflicts with it.
    const events = await llama([...line, "--stream_json"], { env: { ...env, ...variables } });
    assert.match(events.stdout, /^\{"event":"token"/);
  });

  test("errors name the place of an invalid value or name", async () => {
    const cases: [NodeJS.ProcessEnv, string, RegExp][] = [
      [{ LLAMA_TS_TOP_P: "2" }, "", /^llama-ts: LLAMA_TS_TOP_P: Expected a number from 0 to 1; found 2\n$/],
      [{ LLAMA_TS_JSON: "maybe" }, "", /LLAMA_TS_JSON: cannot be parsed; expected true or false/],
      [{ LLAMA_TS_JSON: "1", LLAMA_TS_STREAM_JSON: "1" }, "", /LLAMA_TS_JSON: cannot be used with stream_json/],
      [{}, "tempreature = 1", /wrong:1: unknown option 'tempreature'\. Did you mean temperature\?\n$/],
      [{}, "Max-Gen-Len = 1", /wrong:1: unknown option 'Max_Gen_Len'\. Did you mean max_gen_len\?\n$/],
      [
        {},
        "temperature = 0 # greedy",
        /wrong:1 \(temperature\): .*found 0 # greedy\. A comment needs a line of its own\n$/,
      ],
      [{}, "\n[bach]\ntop_p = 1", /wrong:3: unknown command/],
      [{}, "temperature", /wrong:1: cannot be parsed/],
      [{}, "dtype = int3", /wrong:1 \(dtype\): Allowed choices are/],
    ];
    const wrong = join(folder, "wrong");
    for (const [variables, text, pattern] of cases) {
      writeFileSync(wrong, text);
      const { code, stderr } = await llama(["generate", "--prompt", "a"], {
        env: { LLAMA_TS_CONFIG: wrong, ...variables },
      });
      assert.equal(code, 2);
      assert.match(stderr, pattern);
    }
    const { code } = await llama(["completion", "bash"], { env: { LLAMA_TS_CONFIG: wrong } });
    assert.equal(code, 0);
  });
});

test("`config` says what applies where an option has no fixed default", async () => {
  const { stdout } = await llama(["config"]);
  assert.match(stdout, /^max_seq_len +- +default: the model's context, else 2048$/m);
  assert.match(stdout, /^temperature +0\.8 +default$/m);
});
