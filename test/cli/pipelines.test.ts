/** The real program in a real shell: its stdout, byte by byte. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BIN, llama, run, temporaryFolder } from "./cli-process.js";
import { checkSchema } from "./json-schema.js";

const folder = temporaryFolder();
const GREEDY = "--temperature 0 --quiet";
/** The demo model's continuation of "Once upon a time". */
const STORY = ", there was a little girl named Lily. She loved to play with her toys";

/** Runs a line of sh in which `llama` is the program. */
function shell(script: string, input?: string) {
  const options = input === undefined ? {} : { input };
  return run("sh", ["-c", `llama() { "${process.execPath}" "${BIN}" "$@"; }\ncd "${folder}"\n${script}`], options);
}

describe("in a shell", { concurrency: 2 }, () => {
  test("piped text is placed before the prompt, in place of {{input}}, or is the prompt", async () => {
    const lines = [
      `printf 'Once upon\\n' | llama generate --prompt ' a time' ${GREEDY} --max_gen_len 1 --echo`,
      `echo Once | llama generate --prompt '{{input}} upon a time' ${GREEDY} --max_gen_len 16 --echo`,
      `printf 'Once upon a time' | llama generate --prompt - ${GREEDY} --max_gen_len 16`,
      `echo 'Once {{input}} time' | tr -d '\\n' > slot.txt; echo 'upon a' | llama generate --prompt_file slot.txt ${GREEDY} --max_gen_len 16`,
      `echo no | llama generate --no_stdin --prompt 'Once upon a time' ${GREEDY} --max_gen_len 16`,
    ];
    const [first, ...rest] = await Promise.all(lines.map((line) => shell(line)));
    assert.match(first!.stdout, /^Once upon\n a time.+\n$/);
    assert.deepEqual(
      rest.map(({ stdout }) => stdout),
      [`Once upon a time${STORY}\n`, `${STORY}\n`, `${STORY}\n`, `${STORY}\n`],
    );
  });

  test("a silent pipe produces a note", async () => {
    const silent = "touch said; while ! grep -q '^Waiting for stdin to end; use --no_stdin' said; do sleep 0.1; done";
    const { stdout } = await shell(
      `(${silent}) | llama generate --prompt Once --temperature 0 --max_gen_len 2 2> said`,
    );
    assert.equal(stdout, " upon a\n");
  });

  test("head, while read and xargs receive whole lines", async () => {
    const head = await shell(`llama generate --prompt Once ${GREEDY} --stream_json --max_gen_len 200 | head -n 1`);
    assert.deepEqual([head.stdout, head.stderr], ['{"event":"token","id":425,"text":" upon"}\n', ""]);
    const loop = `printf 'Once upon\\nOnce upon a\\n' | while read -r p; do llama generate --prompt "$p" ${GREEDY} --max_gen_len 2 </dev/null; done`;
    assert.equal((await shell(loop)).stdout, " a time\n time,\n");
    // Texts are streamed, so two at a time would mix; a JSON object is written at once.
    const xargs = `printf '%s\\n' Once Once | xargs -P 2 -I {} "${process.execPath}" "${BIN}" generate --prompt {} ${GREEDY} --max_gen_len 3 --json`;
    const objects = (await shell(xargs)).stdout.split("\n");
    assert.deepEqual(
      objects.slice(0, 2).map((line) => JSON.parse(line).text),
      [" upon a time", " upon a time"],
    );
    assert.deepEqual(objects.slice(2), [""]);
  });

  test("jq reads what --json and --stream_json print", async (t) => {
    if ((await shell("command -v jq")).code !== 0) return t.skip("jq is not here");
    const tokens = `llama generate --prompt Once ${GREEDY} --stream_json --max_gen_len 3 | jq -rj 'select(.event == "token").text'`;
    assert.equal((await shell(tokens)).stdout, " upon a time");
    const text = `echo '{"prompt":"Once"}' | llama batch ${GREEDY} --max_gen_len 3 | jq -r .text`;
    assert.equal((await shell(text)).stdout, " upon a time\n");
  });

  test("--output writes the whole text or no file", async () => {
    mkdirSync(join(folder, "out"));
    const file = join(folder, "out", "text");
    writeFileSync(file, "before");
    assert.deepEqual(await shell(`llama generate --prompt Once ${GREEDY} --max_gen_len 3 -o out/text`), {
      code: 0,
      signal: null,
      stdout: "",
      stderr: "",
    });
    assert.equal(readFileSync(file, "utf8"), " upon a time\n");
    const options = [
      "generate",
      "--prompt",
      "Once",
      "--temperature",
      "0",
      "--max_gen_len",
      "400",
      "--quiet",
      "-o",
      file,
    ];
    const { code } = await llama(options, {
      onStart: (child) => {
        const timer = setInterval(() => {
          if (readdirSync(join(folder, "out")).length > 1) {
            clearInterval(timer);
            child.kill("SIGINT");
          }
        }, 2);
        child.on("exit", () => clearInterval(timer));
      },
    });
    assert.equal(code, 130);
    assert.equal(readFileSync(file, "utf8"), " upon a time\n");
    assert.deepEqual(readdirSync(join(folder, "out")), ["text"]);
    assert.equal((await shell(`llama generate --prompt Once ${GREEDY} -o none/text`)).code, 2);
    if (existsSync("/dev/full")) {
      const full = await shell(`llama generate --prompt Once ${GREEDY} --max_gen_len 3 -o /dev/full`);
      assert.deepEqual([full.code, /cannot be written/.test(full.stderr)], [1, true]);
    }
  });

  test("--color never and always override the environment", async () => {
    const line = (when: string) => shell(`FORCE_COLOR=1 llama generate --prompt Once --max_gen_len 1 --color ${when}`);
    const [never, always] = await Promise.all([line("never"), line("always")]);
    assert.ok(!never.stderr.includes("\x1b["));
    assert.ok(always.stderr.includes("\x1b["));
  });
});

describe("JSON", { concurrency: 2 }, () => {
  test("matches the schema and has the log-probabilities of prompt and text", async () => {
    const options = `${GREEDY} --max_gen_len 5 --logprobs 3 --echo`;
    const [object, events, answers] = await Promise.all([
      shell(`llama generate --prompt 'Once upon' ${options} --json`),
      shell(`llama generate --prompt 'Once upon' ${options} --stream_json`),
      shell(`llama batch --quiet ${options}`, '{"id":1,"prompt":"Once upon","metadata":{"a":null}}\n{"prompt":7}\n'),
    ]);
    const json = JSON.parse(object.stdout);
    checkSchema("generate", json);
    const lines = events.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const summary = lines.pop();
    for (const line of lines) checkSchema("token_event", line);
    checkSchema("summary_event", summary);
    const [wrong, answer] = answers.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    checkSchema("error", wrong);
    checkSchema("batch_answer", answer);

    assert.equal(lines.map(({ text }) => text).join(""), summary.text.slice("Once upon".length));
    assert.deepEqual(
      json.prompt_logprobs.map(({ id }: { id: number }) => id),
      json.prompt_ids,
    );
    assert.equal(json.prompt_logprobs.map(({ text }: { text: string }) => text).join(""), "Once upon");
    assert.equal(json.prompt_logprobs[0].logprob, null);
    // With greedy sampling the chosen token is the most likely one.
    for (const { id, logprob, top } of json.logprobs) {
      assert.deepEqual([top[0].id, top[0].logprob, top.length], [id, logprob, 3]);
      assert.ok(top[1].logprob <= logprob && Math.exp(logprob) <= 1);
    }
    for (const key of ["logprobs", "prompt_logprobs"] as const) {
      for (const [i, { id, logprob }] of answer[key].entries()) {
        assert.equal(id, json[key][i].id);
        assert.ok(Math.abs(logprob - json[key][i].logprob) < 1e-4);
      }
    }
    // Prompt + text scored as a prompt gives the same numbers as during generation.
    const again = await shell(
      `llama generate --prompt '${json.text}' ${GREEDY} --max_gen_len 1 --logprobs --echo --json`,
    );
    const scored = JSON.parse(again.stdout).prompt_logprobs.slice(-5);
    for (const [i, { logprob }] of scored.entries()) assert.ok(Math.abs(logprob - json.logprobs[i].logprob) < 1e-4);
  });

  test("--logprobs without JSON is refused", async () => {
    const { code, stderr } = await llama(["generate", "--prompt", "a", "--logprobs"]);
    assert.deepEqual([code, stderr], [2, "llama-ts: --logprobs needs --json or --stream_json\n"]);
  });
});
