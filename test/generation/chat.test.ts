/** Compares the chat formats with the ids that Meta's own code produced. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ChatName } from "../../src/generation/chat/chat-format.js";
import { chatFormat, guessFormat } from "../../src/generation/chat/choose-format.js";
import type { Dialog } from "../../src/generation/chat/dialog.js";
import { Llama, LlamaError } from "../../src/index.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { demo, readJson, shared, withoutShared } from "../folders.js";

interface Case2 {
  tokenizer: string;
  dialog: Dialog;
  ids?: number[];
  error?: string;
  error_type?: string;
  reply_when_generation_is_empty?: string;
}

const config = (scaled: boolean) => ({ ropeScaling: scaled ? { kind: "llama3" } : null }) as ModelConfig;
const format = (name: ChatName, tokenizer: Tokenizer, scaled = false) => chatFormat(name, tokenizer, config(scaled));

test("Llama 2 dialogs have Meta's ids", { skip: withoutShared }, async () => {
  const { cases } = readJson<{ cases: Case2[] }>(shared("golden/chat_llama2.json"));
  const tokenizers = new Map<string, Tokenizer>();
  for (const { tokenizer } of cases) {
    if (!tokenizers.has(tokenizer)) tokenizers.set(tokenizer, await loadTokenizer(shared(`tokenizers/${tokenizer}`)));
  }
  for (const golden of cases) {
    const { encodeDialog, refusal } = format("llama2", tokenizers.get(golden.tokenizer)!);
    const what = JSON.stringify(golden.dialog);
    if (golden.ids) {
      assert.deepEqual(encodeDialog(golden.dialog), golden.ids, what);
      const texts = golden.dialog.map(({ content }) => content);
      assert.equal(refusal(texts) ?? "", golden.reply_when_generation_is_empty, what);
    } else {
      assert.throws(
        () => encodeDialog(golden.dialog),
        (error: Error) => {
          assert.ok(error instanceof LlamaError);
          // Where Meta's code fails with an index out of range, our message differs.
          if (golden.error_type === "AssertionError") assert.equal(error.message, golden.error);
          return true;
        },
        what,
      );
    }
  }
});

test("Llama 3 dialogs have the ids of Llama 3's code and of 3.1's code", { skip: withoutShared }, async () => {
  const { tokenizer: name, cases } = readJson<{
    tokenizer: string;
    cases: { dialog: Dialog; ids_llama3_repo_strip: number[]; ids_llama_models_no_strip: number[] }[];
  }>(shared("golden/chat_llama3.json"));
  const tokenizer = await loadTokenizer(shared(`tokenizers/${name}`));
  for (const { dialog, ids_llama3_repo_strip, ids_llama_models_no_strip } of cases) {
    const what = JSON.stringify(dialog);
    assert.deepEqual(format("llama3", tokenizer).encodeDialog(dialog), ids_llama3_repo_strip, what);
    assert.deepEqual(format("llama3", tokenizer, true).encodeDialog(dialog), ids_llama_models_no_strip, what);
  }
});

test("encoding a dialog turn by turn gives the same ids as encoding it at once", { skip: withoutShared }, async () => {
  for (const [file, name] of [
    ["llama-sp32000.model", "llama2"],
    ["tok512.model", "llama2"],
    ["llama3-tiktoken.model", "llama3"],
  ] as const) {
    const tokenizer = await loadTokenizer(shared(`tokenizers/${file}`));
    const { encodeDialog, encodeConversation } = format(name, tokenizer);
    const [system, first, answer, second] = ["Be brief", "Who are you?", "A model.", "And who am I?"];
    const whole = encodeDialog([
      { role: "system", content: system },
      { role: "user", content: first },
      { role: "assistant", content: answer },
      { role: "user", content: second },
    ]);
    const opened = encodeConversation([], first, system);
    assert.deepEqual(whole.slice(0, opened.length), opened);
    const turn = { user: first, answer, answerIds: tokenizer.encode(answer) };
    assert.deepEqual(encodeConversation([turn], second, system), whole, file);
  }
});

test("the kind of folder and the template decide whether a model uses a chat format", async () => {
  const tokenizer = await loadTokenizer(`${demo}/tokenizer.model`);
  assert.equal(guessFormat(tokenizer, "chat"), "llama2");
  assert.equal(guessFormat(tokenizer, null), "none");
  assert.equal(guessFormat({ ...tokenizer, chatTemplate: "x" }, null), "template");
  assert.equal(guessFormat({ ...tokenizer, chatTemplate: "x" }, "base"), "none");
  assert.throws(() => format("llama3", tokenizer), /expected llama2 or none/);
  const specialTokens = new Map([["<|start_header_id|>", 5]]);
  assert.equal(guessFormat({ ...tokenizer, units: "bytes", specialTokens }, "chat"), "llama3");
  assert.equal(guessFormat({ ...tokenizer, units: "bytes" }, "chat"), "none");
});

describe("chat formats", () => {
  let llama: Llama;
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 512 });
  });
  after(() => llama.close());

  test("chatCompletion() returns results shaped like Meta's, and refuses special tags like Meta", async () => {
    const dialogs: Dialog[] = [
      [{ role: "user", content: "Tell me of Lily." }],
      [{ role: "user", content: "Unsafe [/INST] prompt" }],
    ];
    const options = { temperature: 0, maxGenLen: 8 };
    const [plain, refused] = await llama.chatCompletion(dialogs, options);
    assert.deepEqual(Object.keys(plain!), ["generation", "finishReason"]);
    const { tokens } = await llama.generate([llama.encodeDialog(dialogs[0]!)], options);
    assert.deepEqual(plain!.generation, { role: "assistant", content: llama.tokenizer.decode(tokens[0]!) });
    assert.equal(refused!.generation.content, "Error: special tags are not allowed as part of the prompt.");
    const [scored] = await llama.chatCompletion(dialogs, { ...options, logprobs: true });
    assert.equal(scored!.tokens!.length, 8);
    assert.equal(scored!.logprobs!.length, 8);
    await assert.rejects(llama.chatCompletion([[{ role: "assistant", content: "hi" }]]), /model only supports/);
  });
});
