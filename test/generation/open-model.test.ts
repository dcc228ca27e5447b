import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findModel, openModel } from "../../src/generation/loading/open-model.js";
import { demo, fixture } from "../folders.js";
import { ggufModel, writeGgufFolder } from "../model/gguf-model.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));

test("a GGUF file contains its tokenizer, which is used unless another one is named", () => {
  const ckptDir = join(root, "model.gguf");
  writeFileSync(ckptDir, demoGguf());
  copyFileSync(join(demo, "tokenizer.model"), join(root, "tokenizer.model"));
  const files = findModel({ ckptDir });
  assert.equal(files.tokenizerPath, ckptDir);
  assert.equal(openModel(files).tokenizer.vocabulary.addsBos, false);
  const tokenizerPath = join(root, "tokenizer.model");
  assert.equal(openModel(findModel({ ckptDir, tokenizerPath })).tokenizer.vocabulary.addsBos, true);
  assert.equal(findModel({ ckptDir: demo }).tokenizerPath, join(demo, "tokenizer.model"));
});

test("a wrong folder is reported before its missing tokenizer; a file is not a folder", () => {
  assert.throws(() => findModel({ ckptDir: fixture("bad/no-pth") }), /no checkpoint files found/);
  const file = join(demo, "params.json");
  assert.throws(() => findModel({ ckptDir: file }), {
    kind: "model",
    message: /params\.json: is neither a folder nor a GGUF file/,
  });
});
