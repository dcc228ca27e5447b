import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findModel, openModel } from "../../src/generation/loading/open-model.js";
import { demo, fixture } from "../folders.js";
import { ggufModel, partName, writeGgufFolder } from "../model/gguf-model.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));

test("a GGUF file contains its tokenizer, which is used unless another one is named", () => {
  const meta = fixture("llama3mini-bf16-mp1");
  const own = join(meta, "tokenizer.model");
  const folder = writeGgufFolder(join(root, "one"), ggufModel(meta, 768, "F16"), own);
  // Another tokenizer lies beside the file.
  const beside = join(folder, "tokenizer.model");
  copyFileSync(join(demo, "tokenizer.model"), beside);
  const file = join(folder, "model.gguf");
  for (const ckptDir of [folder, file]) {
    assert.equal(findModel({ ckptDir }).tokenizerPath, file);
    assert.equal(openModel(findModel({ ckptDir })).tokenizer.vocabulary.units, "bytes");
    assert.equal(openModel(findModel({ ckptDir, tokenizerPath: beside })).tokenizer.vocabulary.units, "pieces");
  }
  assert.equal(findModel({ ckptDir: demo }).tokenizerPath, join(demo, "tokenizer.model"));
});

test("the tokenizer of a split GGUF file is in its first part", () => {
  const meta = fixture("llama3mini-bf16-mp1");
  const model = ggufModel(meta, 768, "F16");
  const folder = writeGgufFolder(join(root, "parts"), model, join(meta, "tokenizer.model"), 2);
  const [first, second] = [partName(0, 2), partName(1, 2)].map((name) => join(folder, name)) as [string, string];
  assert.equal(findModel({ ckptDir: second }).tokenizerPath, first);
  const files = findModel({ ckptDir: folder, tokenizerPath: second });
  assert.throws(() => openModel(files), /00002-of-00002\.gguf.*the file has no tokenizer/);
});

test("a wrong folder is reported before its missing tokenizer; a file is not a folder", () => {
  assert.throws(() => findModel({ ckptDir: fixture("bad/no-pth") }), /no checkpoint files found/);
  const file = join(demo, "params.json");
  assert.throws(() => findModel({ ckptDir: file }), {
    kind: "model",
    message: /params\.json: is neither a folder nor a GGUF file/,
  });
});
