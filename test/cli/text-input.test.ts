import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BIN, DEMO, llama, type Run, run, temporaryFolder } from "./cli-process.js";

const folder = temporaryFolder();
const GREEDY = ["--temperature", "0", "--max_gen_len", "4", "--quiet"];
const STORY = "Once upon a time";

/** Text that is refused, and what is said about it. */
const REFUSED: readonly [name: string, text: (text: string) => Buffer, message: RegExp][] = [
  [
    "UTF-16",
    (text) => Buffer.from(`\ufeff${text}\r\n`, "utf16le"),
    /is UTF-16, not UTF-8\. Convert it: iconv -f UTF-16 /,
  ],
  ["UTF-16 without a mark", (text) => Buffer.from(`${text}\r\n`, "utf16le"), /is UTF-16LE, not UTF-8\. Convert it/],
  [
    "a checkpoint",
    () => readFileSync(join(DEMO, "consolidated.00.pth")),
    /is not text but a zip archive, such as a \.pth/,
  ],
];
/** The same, of which lines have other errors. */
const BYTES: typeof REFUSED = [
  [
    "Latin-1",
    (text) => Buffer.from(`${text} caf\xe9\n`, "latin1"),
    /is not UTF-8; found the byte 0xe9 at offset .* iconv /,
  ],
  ["a zero byte", (text) => Buffer.from(`${text}\0abc\n`), /is not text; found a zero byte at offset \d+/],
];

const file = (name: string, bytes: Uint8Array) => {
  const path = join(folder, name.replaceAll(/\W/g, "-"));
  writeFileSync(path, bytes);
  return path;
};

function isRefused({ code, stdout, stderr }: Run, message: RegExp, name: string): void {
  assert.equal(code, 2, name);
  assert.equal(stdout, "", name);
  assert.match(stderr, /^llama-ts: [^\n]*\n$/, name);
  assert.match(stderr, message, name);
}

describe("text that is not UTF-8", { concurrency: 2 }, () => {
  for (const [name, make, message] of [...REFUSED, ...BYTES]) {
    test(`${name} is refused as a prompt, as a text for perplexity and as settings`, async () => {
      const path = file(name, make(STORY));
      const input = make(STORY);
      isRefused(await llama(["generate", "--prompt_file", path, ...GREEDY]), message, "file");
      isRefused(await llama(["generate", ...GREEDY], { input }), message, "stdin");
      isRefused(await llama(["generate", "--prompt", "{{input}}", ...GREEDY], { input }), message, "slot");
      isRefused(await llama(["score", "--perplexity", path, "--quiet"]), message, "perplexity");
      isRefused(await llama(["score", "--perplexity", "-", "--quiet"], { input }), message, "perplexity of stdin");
      const config = await llama(["generate", "--prompt", "a", ...GREEDY], { env: { LLAMA_TS_CONFIG: path } });
      isRefused(config, message, "settings");
    });

    test(`${name} is refused by repl, in a pipe and as a session`, async () => {
      isRefused(await llama(["repl", ...GREEDY], { input: make(STORY) }), message, "pipe");
      const session = file(`${name}.session`, make('{"format":"x"}'));
      isRefused(await llama(["repl", "--session", session, ...GREEDY], { input: "a\n" }), message, "session");
    });
  }

  for (const [name, make, message] of REFUSED) {
    test(`${name} is refused as lines of requests`, async () => {
      const input = make('{"prompt":"a"}');
      for (const command of ["batch", "score"])
        isRefused(await llama([command, "--quiet"], { input }), message, command);
    });
  }

  for (const [name, make, message] of BYTES) {
    test(`${name} in a line is an error of that line`, async () => {
      const input = Buffer.concat([make('{"prompt":"a"'), Buffer.from('{"prompt":"Once"}\n')]);
      const { code, stdout } = await llama(["batch", ...GREEDY], { input });
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      const [answer, refused] = [2, 1].map((number) => lines.find(({ line }) => line === number));
      assert.deepEqual([code, lines.length, answer.text], [1, 2, " upon a time,"]);
      assert.match(refused.error.message, message);
    });
  }

  test("messages of a pipe before the one that is refused are answered", async () => {
    const input = Buffer.concat([Buffer.from(`${STORY}\n`), Buffer.from("caf\xe9\n", "latin1")]);
    const { code, stdout, stderr } = await llama(["repl", ...GREEDY], { input });
    assert.deepEqual([code, stdout], [2, ", there was a\n"]);
    assert.match(stderr, /^llama-ts: line 2 of stdin: is not UTF-8/);
  });
});

test("arguments that are not UTF-8 are refused; U+FFFD itself is a character", {
  skip: process.platform !== "linux" && "the bytes are not shown",
}, async () => {
  const command = `"$0" "$1" generate --temperature 0 --max_gen_len 1 --quiet --prompt`;
  const latin = await run("bash", ["-c", `${command} $'caf\\xe9'`, process.execPath, BIN]);
  isRefused(latin, /an argument is not UTF-8/, "argument");
  assert.equal((await run("bash", ["-c", `${command} 'caf\ufffd'`, process.execPath, BIN])).code, 0);
});

test("a byte order mark of UTF-8 is skipped everywhere", async () => {
  const marked = `\ufeff${STORY}`;
  const path = file("bom", Buffer.from(marked));
  const text = ", there was a\n";
  assert.equal((await llama(["generate", "--prompt_file", path, ...GREEDY])).stdout, text);
  assert.equal((await llama(["generate", ...GREEDY], { input: marked })).stdout, text);
  assert.equal((await llama(["repl", ...GREEDY], { input: `${marked}\n` })).stdout, text);
  const perplexity = async (input: string) =>
    (await llama(["score", "--perplexity", "-", "--quiet"], { input })).stdout;
  assert.equal(await perplexity(marked), await perplexity(STORY));
  const config = file("config", Buffer.from("\ufeffmax_gen_len = 1\n"));
  const ended = await llama(["generate", "--prompt", STORY, "--temperature", "0", "--quiet"], {
    env: { LLAMA_TS_CONFIG: config },
  });
  assert.equal(ended.stdout, ",\n");
});

test("no line ends a run: deep values, large numbers and odd ids, also when it is resumed", async () => {
  const deep = "[".repeat(8000) + "]".repeat(8000);
  const lines = [
    '{"id":9007199254740993,"prompt":"Once"}',
    '{"id":9007199254740992,"prompt":"Once"}',
    '{"id":9007199254740992.0,"prompt":"Once"}',
    `{"id":"deep","prompt":"Once","metadata":${deep}}`,
    `{"id":${deep},"prompt":"Once"}`,
    `{"id":"messages","messages":${deep}}`,
    `{"id":"open","prompt":"Once","metadata":${"[".repeat(100_000)}`,
    '{"id":"m","prompt":"Once","metadata":{"n":12345678901234567890, "f":1.10}}',
    '{"id":"last","prompt":"Once"}',
  ];
  const input = file("lines", Buffer.from(lines.join("\n")));
  const output = join(folder, "answers");
  const answer = (...more: string[]) => llama(["batch", input, "-o", output, ...GREEDY, ...more]);
  const read = () => readFileSync(output, "utf8").trimEnd().split("\n");
  for (const more of [[], ["--resume"], ["--resume"]]) {
    assert.equal((await answer(...more)).code, 1);
    const answers = read().filter((line) => !line.includes('"error"'));
    assert.deepEqual(answers.map((line) => /^\{"id":(.*?),"line"/.exec(line)![1]).sort(), [
      '"last"',
      '"m"',
      "9007199254740992",
      "9007199254740993",
    ]);
    const [metadata] = answers.filter((line) => line.startsWith('{"id":"m"'));
    assert.match(metadata!, /^\{"id":"m","line":8,"metadata":\{"n":12345678901234567890, "f":1\.10\},"text":/);
    const errors = read().filter((line) => line.includes('"error"'));
    assert.equal(errors.length, 5);
    assert.equal(errors.filter((line) => line.includes("nested too deeply")).length, 4);
    assert.equal(errors.filter((line) => line.startsWith('{"id":"deep","line":4,')).length, 1);
    assert.match(errors.find((line) => line.includes('"line":3,'))!, /duplicate id/);
  }
  // A deep record in the output, as another program may have written, is no answer.
  writeFileSync(output, `{"id":"last","line":9,"metadata":${deep}}\n${readFileSync(output, "utf8")}`);
  assert.equal((await answer("--resume")).code, 1);
  assert.equal(read().length, 9);
});
