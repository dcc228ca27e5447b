/** Answers in a given form on the command line: generate, batch and repl, from files, texts and stdin; what is wrong is said before a model loads. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { llama, temporaryFolder } from "./cli-process.js";

const folder = temporaryFolder();
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const SCHEMA = JSON.stringify({
  type: "object",
  properties: { name: { enum: ["Lily", "Tim"] }, age: { type: "integer", minimum: 0, maximum: 99 } },
  required: ["name", "age"],
  additionalProperties: false,
});
const schemaFile = file("schema.json", SCHEMA);
const grammarFile = file("list.gbnf", 'root ::= item ("," item)*\nitem ::= "a" | "b"\n');
const SMALL = ["--nproc_per_node", "1", "--quiet", "--seed", "3", "--temperature", "1"];

/** Throws unless a text is JSON of the schema. */
function assertPerson(text: string): void {
  const { name, age, ...rest } = JSON.parse(text);
  assert.ok(["Lily", "Tim"].includes(name) && Number.isInteger(age) && age >= 0 && age <= 99, text);
  assert.deepEqual(rest, {});
}

describe("forms on the command line", { concurrency: 2 }, () => {
  test("generate: a schema from a file, a text or stdin gives the same JSON", async () => {
    const prompt = ["generate", "--prompt", "Once", ...SMALL];
    const sources: [string, object][] = [
      [schemaFile, {}],
      [SCHEMA, {}],
      ["-", { input: SCHEMA }],
    ];
    const texts = [];
    for (const [source, options] of sources) {
      const { code, stdout, stderr } = await llama([...prompt, "--json_schema", source], options);
      assert.equal(code, 0, stderr);
      assertPerson(stdout);
      texts.push(stdout);
    }
    assert.equal(new Set(texts).size, 1);
  });

  test("generate: a regular expression, a grammar and any object; --json says whether the form is whole", async () => {
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await llama(["generate", "--prompt", "Once", "--json", ...SMALL, ...args]);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const regex = await run("--regex", "[a-c]{3}-\\d+");
    const grammar = await run("--grammar", grammarFile);
    const object = await run("--json_object", "--max_gen_len", "60");
    const cut = await run("--json_schema", SCHEMA, "--max_gen_len", "3");
    assert.match(regex.text, /^[a-c]{3}-\d+$/);
    assert.match(grammar.text, /^[ab](,[ab])*$/);
    if (object.form_complete) assert.equal(typeof JSON.parse(object.text), "object");
    assert.deepEqual([regex.form_complete, cut.form_complete, cut.finish_reason], [true, false, "length"]);
    const { stderr } = await llama([
      ...["generate", "--prompt", "Once", "--nproc_per_node", "1", "--regex", "a{9}", "--max_gen_len", "2"],
    ]);
    assert.match(stderr, /^The answer is not a whole one of its form: it ended early \(length\)\.$/m);
  });

  test("batch: a form for all lines, and lines with their own", async () => {
    const lines = [
      { id: 1, prompt: "Once" },
      { id: 2, prompt: "Once", regex: "[xy]{4}" },
      { id: 3, prompt: "Once", grammar: 'root ::= "yes" | "no"' },
      { id: 4, prompt: "Once", json_schema: { type: "array", items: { type: "boolean" }, maxItems: 3 } },
      { id: 5, prompt: "Once", json_object: true, regex: "a" },
      { id: 6, prompt: "Once", json_schema: [] },
      { id: 7, prompt: "Once", json_schema: { not: {} } },
      { id: 8, prompt: "Once", regex: "(" },
    ];
    const input = lines.map((line) => JSON.stringify(line)).join("\n");
    const { stdout, code } = await llama(["batch", ...SMALL, "--json_schema", schemaFile], { input });
    assert.equal(code, 1);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [one, two, three, four, five, six, seven, eight] = answers.sort((a, b) => a.id - b.id);
    assertPerson(one.text);
    assert.match(two.text, /^[xy]{4}$/);
    assert.match(three.text, /^(yes|no)$/);
    assert.ok(JSON.parse(four.text).every((value: unknown) => typeof value === "boolean"));
    assert.ok([one, two, three, four].every(({ form_complete: whole }) => whole === true));
    assert.match(five.error.message, /more than one form.*json_object and regex/);
    assert.match(six.error.message, /json_schema.*a JSON schema/);
    assert.match(seven.error.message, /not/);
    assert.match(eight.error.message, /regex/);
  });

  test("repl: --regex binds the answers, /set changes the form, and a session keeps it", async () => {
    const input = "Once\n/set regex [xy]{2}\nOnce\n/set regex none\n/set regex\n/set json_object maybe\n";
    const { stdout, stderr, code } = await llama(["repl", ...SMALL, "--no_history", "--regex", "[ab]{2}"], { input });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^[ab]{2}\nregex "\[xy\]\{2\}"\n[xy]{2}\nregex none\nregex none\n$/);
    assert.match(stderr, /json_object: Expected on or off/);
    const session = join(folder, "session.jsonl");
    const lines = [
      '/set json_schema {"enum":[1]}',
      `/save ${session}`,
      "/set json_schema none",
      `/load ${session}`,
      "Hi",
    ];
    const kept = await llama(["repl", ...SMALL, "--no_history"], { input: `${lines.join("\n")}\n` });
    assert.match(
      kept.stdout,
      /^json_schema \{"enum":\[1\]\}\nSaved .*\njson_schema none\nLoaded .*\n1\n$/,
      kept.stderr,
    );
  });

  test("what is wrong is said before a model loads", async () => {
    const missing = ["--ckpt_dir", join(folder, "none")];
    for (const [args, pattern] of [
      [["--json_schema", join(folder, "no.json")], /--json_schema: .*no\.json/],
      [["--json_schema", "{"], /--json_schema: is not JSON/],
      [["--json_schema", file("list.json", "[]")], /is not a JSON Schema; expected an object, true or false/],
      [["--regex", "a", "--json_object"], /cannot be used with/],
      [["--grammar", join(folder, "no.gbnf")], /--grammar: .*no\.gbnf/],
      [["--json_schema", '{"contains": {}}'], /json_schema #\/contains: contains is not supported/],
      [["--regex", "(a)\\1"], /regex: a back-reference is not supported/],
      [["--json_schema", "-", "--prompt", "-"], /stdin cannot be both the schema and the prompt/],
    ] as [string[], RegExp][]) {
      const { code, stderr } = await llama(["generate", "--prompt", "Once", ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, pattern);
      assert.ok(!stderr.includes("No --ckpt_dir"), stderr);
    }
    const { code, stderr } = await llama(["batch", ...missing, "--json_schema", "-"], { input: SCHEMA });
    assert.deepEqual([code, /stdin cannot be both the schema and the requests/.test(stderr)], [2, true], stderr);
  });
});
