import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { findModel, openModel } from "../../src/generation/loading/open-model.js";
import { openTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import { demo, fixture } from "../folders.js";

test("a checkpoint may contain its tokenizer, which is used unless another one is named", () => {
  const files = findModel({ ckptDir: demo });
  assert.equal(files.tokenizerPath, join(demo, "tokenizer.model"));
  const tokenizer = openTokenizer(files.tokenizerPath);
  const checkpoint = { ...files.checkpoint, tokenizer };
  assert.equal(openModel({ checkpoint, tokenizerPath: checkpoint.path }).tokenizer, tokenizer);
  assert.notEqual(openModel({ ...files, checkpoint }).tokenizer, tokenizer);
});

test("a wrong folder is reported before its missing tokenizer; a file is not a folder", () => {
  assert.throws(() => findModel({ ckptDir: fixture("bad/no-pth") }), /no checkpoint files found/);
  const file = join(demo, "params.json");
  assert.throws(() => findModel({ ckptDir: file }), {
    kind: "model",
    message: /params\.json: is neither a folder nor a GGUF file/,
  });
});
