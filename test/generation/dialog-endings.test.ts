/** Dialogs that end with an answer to continue have transformers' ids, in templates and in Meta's formats; answers given by ids keep them. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { checkAnswerIds } from "../../src/generation/chat/answer-ids.js";
import type { ChatFormat } from "../../src/generation/chat/chat-format.js";
import { chosenFormat } from "../../src/generation/chat/choose-format.js";
import type { Dialog } from "../../src/generation/chat/dialog.js";
import type { DialogEnding } from "../../src/generation/chat/dialog-ending.js";
import { demoModel, Llama, LlamaError } from "../../src/index.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { fixture, readJson } from "../folders.js";
import { type TemplateTokenizers, templateTokenizers } from "./template-tokenizers.js";

interface Endings {
  dialogs: { ending: DialogEnding; messages: Dialog }[];
  /** By transformers 5.24 with continue_final_message; null where it refuses. */
  ids: Record<"pieces" | "bytes", { template: string; dialog: number; ids: number[] | null }[]>;
}

const { dialogs, ids } = readJson<Endings>(fixture("chat-endings.json"));
const { templates } = readJson<{ templates: { name: string; source: string }[] }>(fixture("chat-templates.json"));
const sources = new Map(templates.map(({ name, source }) => [name, source]));
const CHATML = "chatml with a system text of its own";
const THOUGHTS = "thoughts left out of earlier answers";
const INST = "inst with a system text in the first message";

describe("the end of a dialog", () => {
  let tokenizers: TemplateTokenizers;
  before(async () => {
    tokenizers = await templateTokenizers();
  });
  const config = { ropeScaling: null } as ModelConfig;
  const format = (name: string, tokenizer: Tokenizer): ChatFormat =>
    chosenFormat({ template: sources.get(name)! }, "none", tokenizer, config);

  test("has transformers' ids, and is refused where transformers refuses", () => {
    for (const units of ["pieces", "bytes"] as const) {
      for (const { template, dialog, ids: right } of ids[units]) {
        const { ending, messages } = dialogs[dialog]!;
        const encode = () => format(template, tokenizers[units]).encodeDialog(messages, ending);
        const what = `${units}, ${template}, ${JSON.stringify(messages)}`;
        if (right) assert.deepEqual(encode(), right, what);
        else assert.throws(encode, LlamaError, what);
      }
    }
  });

  /** Ids that a text would not be encoded to: letter by letter. */
  const letters = (text: string, tokenizer: Tokenizer) =>
    [...text].flatMap((letter) => tokenizer.encode(`a${letter}`).slice(tokenizer.encode("a").length));

  test("keeps the ids of answers right after the prompt that they answered", () => {
    for (const [name, tokenizer, answer] of [
      [CHATML, tokenizers.bytes, "Once upon"],
      [CHATML, tokenizers.pieces, "<|im_end|> Once\n"],
      ["zephyr", tokenizers.pieces, "Once"],
      // It strips answers, and puts a space before them.
      [INST, tokenizers.pieces, " Once "],
      ["headers", tokenizers.bytes, " Once \n"],
    ] as const) {
      const { encodeDialog } = format(name, tokenizer);
      const question: Dialog = [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hello" },
      ];
      const own = letters(answer, tokenizer);
      const said: Dialog = [...question, { role: "assistant", content: answer, token_ids: own }];
      const prompt = encodeDialog(question);
      assert.deepEqual(encodeDialog(said, "continue"), [...prompt, ...own], name);
      const next = encodeDialog([...said, { role: "user", content: "More" }]);
      assert.deepEqual(next.slice(0, prompt.length + own.length), [...prompt, ...own], name);
      const third: Dialog = [
        ...said,
        { role: "user", content: "More" },
        { role: "assistant", content: answer, token_ids: own },
      ];
      assert.deepEqual(encodeDialog(third, "continue"), [...next, ...own], name);
    }
  });

  test("does not take the text of a message for its own marks", () => {
    const { bytes } = tokenizers;
    const { encodeDialog } = format(CHATML, bytes);
    const all = Array.from({ length: 0x1900 }, (_, i) => String.fromCharCode(0xe000 + i)).join("");
    const content = `${all}\uf8fd7\uf8fdx\uf8fc\uf8fd1\uf8fdx\uf8fc`;
    const ids = encodeDialog([
      { role: "user", content },
      { role: "assistant", content: "Hi", token_ids: letters("Hi", bytes) },
      { role: "user", content },
    ]);
    assert.ok(bytes.decode(ids).includes("\uf8fd7\uf8fdx"));
  });

  test("encodes the text of answers that the template writes otherwise", () => {
    const { bytes } = tokenizers;
    const { encodeDialog } = format(THOUGHTS, bytes);
    const content = "<think>\nhm\n</think>\n\nHi.";
    const dialog = (more: object): Dialog => [
      { role: "user", content: "Hello" },
      { role: "assistant", content, ...more },
      { role: "user", content: "More" },
    ];
    assert.deepEqual(encodeDialog(dialog({ token_ids: letters(content, bytes) })), encodeDialog(dialog({})));
  });
});

test("ids must be those of the text, and of an answer", async (t) => {
  const llama = await Llama.build({ ...demoModel, nprocPerNode: 1 });
  t.after(() => llama.close());
  const { tokenizer, config } = llama;
  const own = tokenizer.encode("Once upon a time");
  const check = (content: string, more: object = {}) =>
    checkAnswerIds([{ role: "assistant", content, token_ids: own, ...more }], tokenizer, config.vocabSize)[0]!.content;
  assert.equal(check(" Once upon a time"), " Once upon a time");
  assert.equal(check(""), "Once upon a time");
  // A stop string ended within the last token.
  assert.equal(check("Once upon a tim"), "Once upon a tim");
  assert.throws(() => check("Once upon"), /messages\[0\]\.token_ids: the ids are those of another text than content/);
  assert.throws(() => check("Twice upon a time"), /another text/);
  assert.throws(() => check("", { token_ids: [config.vocabSize] }), /not in the vocabulary/);
  assert.throws(() => check("", { role: "user" }), /only answers have ids of their own/);

  const user = { role: "user", content: "Hi" } as const;
  const prompt = { messages: [user, { role: "assistant", token_ids: own }], chat: "llama2" } as const;
  const question = llama.encodeDialog([user], "llama2");
  const encode = async (more: object) => (await llama.encodePrompt({ ...prompt, ...more })).ids;
  assert.deepEqual(await encode({ ending: "continue" }), [...question, ...own]);
  const text = [user, { role: "assistant", content: " Once upon " }];
  assert.equal(
    tokenizer.decode(await encode({ messages: text, ending: "continue" })),
    `${tokenizer.decode(question)} Once upon `,
  );
  // As lines of one text: an answer follows the text before it.
  const lines = await encode({ messages: [user, { role: "assistant", token_ids: own }, user], chat: "text" });
  assert.equal(tokenizer.decode(lines), "Hi Once upon a time\nHi");
  const start = [...tokenizer.encode("Hi", { bos: true }), ...own];
  assert.deepEqual(lines.slice(0, start.length), start);
  assert.equal(
    tokenizer.decode(await encode({ messages: [{ role: "system", content: "Hi" }, user], chat: "text" })),
    "Hi\nHi",
  );
  // A long message is encoded in a thread, while this one is free. Its ids are more than a call may have arguments.
  const long = [{ role: "user", content: "a b ".repeat(70_000) }] as const;
  for (const chat of ["llama2", { template: "{% for m in messages %}{{ m.content }}{% endfor %}" }] as const) {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const { ids } = await llama.encodePrompt({ messages: long, chat });
    clearInterval(timer);
    assert.ok(ids.length > 130_000 && ticks > 1, `${ids.length} ${ticks}`);
    const short = [{ role: "user", content: "a b ".repeat(5_000) }] as const;
    assert.deepEqual((await llama.encodePrompt({ messages: short, chat })).ids, llama.encodeDialog(short, chat));
  }
  const story = "Once upon a time. ".repeat(1200);
  const options = { bos: true, special: true };
  assert.deepEqual(await llama.encodeText(story, options), tokenizer.encode(story, options));
  // Nothing has been said yet: an answer begins.
  const empty = [user, { role: "assistant", token_ids: [] }];
  assert.deepEqual(await encode({ messages: empty, ending: "continue" }), question);
  await assert.rejects(
    encode({ messages: [user], ending: "continue" }),
    /messages\[0\]\.role: there is no answer to continue/,
  );
});
