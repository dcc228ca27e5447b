/** Chat on the command line: one-shot chat, formats by folder, template and file, special tokens in prompts, sessions. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { Llama } from "../../src/index.js";
import { fixture } from "../folders.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";
import { llama2Json } from "../tokenizer/tokenizer-json.js";
import { llama, temporaryFolder } from "./cli-process.js";

const TEMPLATE =
  "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token }}\n{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
const SMALL = ["--nproc_per_node", "1", "--max_seq_len", "256", "--temperature", "0", "--max_gen_len", "3"];
const REMARK = "This is a chat model: --chat auto answers in its format.\n";

describe("chat on the command line", { concurrency: 2 }, () => {
  const dir = temporaryFolder();
  /** A Hugging Face folder with a template, one of Meta's for chat, and one of Meta's without a word of it. */
  const [templated, metaChat, plain] = ["Tiny-v1.0", "llama-mini-chat", "llama-mini"].map((name) =>
    join(dir, name),
  ) as [string, string, string];
  const file = join(dir, "own.jinja");
  let templateIds: (system: string | null) => number[];
  let metaIds: number[];

  before(async () => {
    const meta = fixture("llama1mini-fp16-mp1");
    for (const folder of [metaChat, plain]) cpSync(meta, folder, { recursive: true });
    const { tensors, config } = hfTensors(meta, 512);
    writeHfFolder(templated, config, tensors, join(meta, "tokenizer.model"), 1, "F16");
    writeFileSync(join(templated, "tokenizer.json"), JSON.stringify(llama2Json(join(meta, "tokenizer.model"))));
    const names = { bos_token: "<s>", eos_token: "</s>", chat_template: TEMPLATE };
    writeFileSync(join(templated, "tokenizer_config.json"), JSON.stringify(names));
    writeFileSync(file, "{% for m in messages %}{{ 'Q: ' + m.content + '\n' }}{% endfor %}A:");
    const model = await Llama.build({ ckptDir: templated, nprocPerNode: 1, maxSeqLen: 256 });
    const { tokenizer } = model;
    const rendered = (system: string | null) =>
      `${system === null ? "" : `<|system|>\n${system}</s>\n`}<|user|>\nHi there</s>\n<|assistant|>\n`;
    const systems = [null, "Be brief."] as const;
    const encoded = new Map(
      systems.map((one) => [one as string | null, tokenizer.encode(rendered(one), { special: true })]),
    );
    templateIds = (system) => encoded.get(system)!;
    metaIds = model.encodeDialog([{ role: "user", content: "Hi there" }], "llama2");
    await model.close();
  });

  const ids = async (...words: string[]): Promise<number[]> => {
    const { stdout, stderr } = await llama(["generate", ...words, ...SMALL, "--json", "--quiet"]);
    assert.equal(stderr, "");
    return JSON.parse(stdout).prompt_ids;
  };

  test("generate answers a prompt in the model's way, with or without a system prompt", async () => {
    const prompt = ["--prompt", "Hi there"];
    assert.deepEqual(await ids("--ckpt_dir", templated, "--chat", "auto", ...prompt), templateIds(null));
    assert.deepEqual(await ids("--ckpt_dir", templated, "--system", "Be brief.", ...prompt), templateIds("Be brief."));
    assert.deepEqual(await ids("--ckpt_dir", templated, "--chat", "llama2", ...prompt), metaIds);
    assert.deepEqual(await ids("--ckpt_dir", metaChat, "--chat", "auto", ...prompt), metaIds);
    assert.ok((await ids("--ckpt_dir", templated, "--chat", file, ...prompt)).length < templateIds(null).length);
  });

  test("a pipe is answered, and so is the line of Meta's script for chats", async () => {
    const input = "Hi there\n";
    const asked = await llama(["generate", "--ckpt_dir", metaChat, "--chat", "auto", ...SMALL, "--quiet"], { input });
    const script = ["--nproc_per_node", "1", "example_chat_completion.py", "--ckpt_dir", metaChat, ...SMALL.slice(2)];
    const pasted = await llama([...script, "--quiet"], { input });
    const raw = await llama(["generate", "--ckpt_dir", metaChat, ...SMALL, "--quiet"], { input });
    assert.equal(asked.code, 0, asked.stderr);
    assert.equal(pasted.stdout, asked.stdout);
    assert.notEqual(raw.stdout, asked.stdout);
  });

  test("a raw prompt to a chat model gets a remark once, no other does", async () => {
    const prompt = ["--prompt", "Hi there", ...SMALL];
    const note = async (...words: string[]) => {
      const { stderr } = await llama(["generate", ...words, ...prompt]);
      return stderr.replace(/^\d+ prompt .*\n/m, "");
    };
    assert.equal(await note("--ckpt_dir", templated), REMARK);
    assert.equal(await note("--ckpt_dir", metaChat), REMARK);
    assert.equal(await note("--ckpt_dir", metaChat, "--chat", "none"), "");
    assert.equal(await note("--ckpt_dir", plain), "");
    const none = "This model has no chat format: the prompt is continued as text.\n";
    assert.equal(await note("--ckpt_dir", plain, "--chat", "auto"), none);
  });

  test("what cannot be used is named in one line", async () => {
    const prompt = ["--prompt", "Hi there", ...SMALL];
    for (const [words, message] of [
      [["--ckpt_dir", plain, "--chat", "template"], "the model has no chat template. Give the file of a template, "],
      [
        ["--ckpt_dir", plain, "--chat", "nosuch"],
        "--chat nosuch: unknown chat format; expected auto, template, llama2, ",
      ],
      [["--ckpt_dir", plain, "--chat", "llama3"], "the chat format llama3 does not match this model's tokenizer; "],
      [["--chat", "auto", "--parse_special"], "--parse_special is for a prompt without a chat format"],
    ] as const) {
      const { code, stderr } = await llama(["generate", ...words, ...prompt, "--quiet"]);
      assert.equal(code, 2);
      assert.ok(stderr.startsWith(`llama-ts: ${message}`) && stderr.split("\n").length === 2, stderr);
    }
  });

  test("names of special tokens in a prompt are tokens only if asked", async () => {
    const model = ["--ckpt_dir", templated, "--chat", "none", "--prompt", "a</s>b"];
    assert.ok(!(await ids(...model)).includes(2));
    assert.ok((await ids(...model, "--parse_special")).includes(2));
    const input = '{"prompt":"a</s>b"}\n{"prompt":"a</s>b","parse_special":true}\n';
    const { stdout } = await llama(["batch", "--ckpt_dir", templated, ...SMALL, "--quiet"], { input });
    const [text, token] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .sort((a, b) => a.line - b.line);
    assert.ok(token.prompt_tokens < text.prompt_tokens);
  });

  test("batch writes messages in the model's way, joins text parts, and names what is wrong", async () => {
    const messages = [
      [{ role: "user", content: [{ type: "text", text: "Hi there" }] }],
      [
        {
          role: "user",
          content: [
            { type: "text", text: "Hi" },
            { type: "text", text: "there" },
          ],
        },
      ],
      [
        { role: "user", content: "Hi" },
        { role: "assistant", content: null },
        { role: "user", content: "Hi" },
      ],
      [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }],
      [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Once" },
      ],
      [{ role: "developer", content: "be brief" }],
      [{ role: "user" }],
      ["Hi"],
      [{ role: "assistant", content: "", tool_calls: [{}] }],
    ];
    const input = messages.map((one) => JSON.stringify({ messages: one })).join("\n");
    const { stdout } = await llama(["batch", "--ckpt_dir", templated, ...SMALL, "--quiet"], { input });
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .sort((a, b) => a.line - b.line);
    assert.equal(answers[0].prompt_tokens, templateIds(null).length);
    assert.equal(answers[1].error, undefined);
    const errors = [
      "messages[1].content: has the wrong type; expected a string or a list of text parts, found null",
      'messages[0].content[0].type: has the wrong type; expected "text", found "image_url"',
      "the last message is an answer; expected a message to answer, found the role assistant",
      "messages[0].role: unknown role; expected system, user, assistant, tool or ipython, found developer",
      "messages[0].content: has the wrong type; expected a string or a list of text parts, found nothing",
      'messages[0]: has the wrong type; expected {"role": ..., "content": ...}, found "Hi"',
      'messages[0].tool_calls[0].function: has the wrong form; expected {"name": ..., "arguments": ...}, found nothing',
    ];
    assert.deepEqual(
      answers.slice(2).map(({ error }) => error.message),
      errors,
    );
  });

  test("the folder's name is found above the folder and through links", async () => {
    const nested = join(dir, "Meta-Llama-3-8B-Instruct", "original");
    const hub = join(dir, "models--meta-llama--Llama-2-7b-chat-hf", "snapshots", "f5db02");
    const link = join(dir, "x3");
    for (const folder of [nested, hub]) {
      mkdirSync(dirname(folder), { recursive: true });
      cpSync(plain, folder, { recursive: true });
    }
    symlinkSync(metaChat, link);
    for (const folder of [nested, hub, link]) {
      const { stdout } = await llama(["repl", "--ckpt_dir", folder, ...SMALL], { input: "/show\n" });
      assert.match(stdout, /^format llama2, /m, folder);
    }
    const collection = join(dir, "chat", "llama-7b");
    cpSync(plain, collection, { recursive: true });
    const { stdout } = await llama(["repl", "--ckpt_dir", collection, ...SMALL], { input: "/show\n" });
    assert.match(stdout, /^format none, /m);
  });

  test("a session keeps its format, and says so if that is not to be had", async () => {
    const session = join(dir, "talk.jsonl");
    const talk = (...words: string[]) =>
      llama(["repl", "--session", session, ...SMALL, ...words], { input: "/show\n" });
    await llama(["repl", "--ckpt_dir", templated, "--session", session, ...SMALL], { input: "Hi\nMore\n" });
    assert.match((await talk("--ckpt_dir", templated)).stdout, /^format template, 2 turns, /m);
    for (const [words, message] of [
      [
        ["--ckpt_dir", plain],
        "is a session in the chat format template, which cannot be used: the model has no chat template.",
      ],
      [
        ["--ckpt_dir", templated, "--chat", "llama2"],
        "is a session in another chat format; expected llama2, found template.",
      ],
      [["--ckpt_dir", templated, "--chat", file], "is a session in another chat template. Give the template in which "],
    ] as const) {
      const { code, stderr } = await talk(...words);
      assert.equal(code, 2);
      assert.ok(stderr.startsWith(`llama-ts: ${session}: ${message}`), stderr);
    }
  });
});
