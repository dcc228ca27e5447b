/** The fingerprint of a model: equal for copies, different when a byte of its contents is. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findModel, openModel } from "../../src/generation/loading/open-model.js";
import { fingerprint } from "../../src/model/checkpoint/fingerprint.js";
import { demo, fixture } from "../folders.js";
import { ggufModel, writeGgufFolder } from "./gguf-model.js";
import { hfTensors, type StoredTensor, writeHfFolder } from "./hugging-face-folder.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("llama3mini-bf16-mp1");
const vocabularyFile = join(meta, "tokenizer.model");
let count = 0;
const newDir = () => join(root, String(count++));

function of(ckptDir: string): string {
  const { files, checkpoint, tokenizer } = openModel(findModel({ ckptDir }));
  return fingerprint(checkpoint, { path: files.tokenizerPath, vocabulary: tokenizer.vocabulary });
}

/** A copy with one file changed. */
function changed(dir: string, file: string, change: (bytes: Buffer) => void): string {
  const copy = newDir();
  cpSync(dir, copy, { recursive: true });
  const bytes = readFileSync(join(copy, file));
  change(bytes);
  writeFileSync(join(copy, file), bytes);
  utimesSync(join(copy, file), 1e9, 1e9);
  return copy;
}

function flip(bytes: Buffer, place: number): void {
  bytes[place]! ^= 1;
}

function replaceText(bytes: Buffer, text: string, other: string): void {
  const at = bytes.indexOf(text);
  assert.ok(at >= 0 && text.length === other.length, text);
  bytes.write(other, at, "latin1");
}

test("Meta's files: checksums of storages, params.json and tokenizer.model count; places and times do not", () => {
  const print = of(demo);
  assert.match(print, /^[0-9a-f]{64}$/);
  assert.equal(of(changed(demo, "README.md", (bytes) => bytes.fill(0x20))), print);
  assert.notEqual(of(join(demo, "mp2")), print);
  const { checkpoint } = openModel(findModel({ ckptDir: demo }));
  for (const name of ["norm.weight", "layers.1.attention.wq.weight"]) {
    const { crc32 } = checkpoint.tensors.get(name)!.pieces[0]!.entry.storage;
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32!);
    const other = changed(demo, "consolidated.00.pth", (bytes) => {
      for (let at = bytes.indexOf(crc); at >= 0; at = bytes.indexOf(crc, at + 1)) flip(bytes, at);
    });
    assert.notEqual(of(other), print, name);
  }
  const eps = changed(demo, "params.json", (bytes) => replaceText(bytes, "1e-05", "2e-05"));
  assert.notEqual(of(eps), print);
  const longer = changed(demo, "tokenizer.model", () => {});
  // An unknown field of protobuf at the end of the file.
  appendFileSync(join(longer, "tokenizer.model"), Buffer.from([0xf8, 0x07, 0x01]));
  assert.notEqual(of(longer), print);
});

test("a Hugging Face folder: every norm, every matrix, the header, config.json and the stops count", () => {
  const { config, tensors } = hfTensors(meta, 768);
  const folder = (stored: StoredTensor[] = tensors, changes: object = {}, files = 1) =>
    writeHfFolder(newDir(), { ...config, ...changes }, stored, vocabularyFile, files);
  const print = of(folder());
  assert.equal(of(folder()), print);
  const prints = new Set([print, of(folder(tensors, { rms_norm_eps: 1e-3 })), of(folder(tensors, {}, 3))]);
  for (const [index, tensor] of tensors.entries()) {
    const data = tensor.data.slice();
    data[data.length >> 1]! ^= 1;
    prints.add(of(folder(tensors.with(index, { ...tensor, data }))));
  }
  const stops = folder();
  writeFileSync(join(stops, "generation_config.json"), '{"eos_token_id": [5]}');
  prints.add(of(stops));
  assert.equal(prints.size, tensors.length + 4);
});

test("a large matrix is sampled: other numbers in it make another fingerprint", () => {
  const { config, tensors } = hfTensors(meta, 768);
  // 2 MB each
  const rows = 16_384;
  const write = (value: number) => {
    const wide = tensors.map((tensor): StoredTensor => {
      if (!/embed_tokens|lm_head/.test(tensor.name)) return tensor;
      const width = tensor.shape[1]!;
      return { ...tensor, shape: [rows, width], data: new Uint8Array(rows * width * 2).fill(value) };
    });
    return writeHfFolder(newDir(), { ...config, vocab_size: rows }, wide, vocabularyFile);
  };
  assert.equal(of(write(1)), of(write(1)));
  assert.notEqual(of(write(1)), of(write(2)));
});

test("a GGUF file: metadata, tokenizer and weights count, its name does not", () => {
  const model = ggufModel(meta, 768, "Q8_0");
  const dir = writeGgufFolder(newDir(), model, vocabularyFile);
  const print = of(dir);
  assert.equal(of(changed(dir, "model.gguf", () => {})), print);
  const size = readFileSync(join(dir, "model.gguf")).length;
  const prints = new Set([print]);
  for (const part of [0.3, 0.6, 0.9]) {
    prints.add(of(changed(dir, "model.gguf", (bytes) => flip(bytes, Math.floor(size * part)))));
  }
  assert.equal(prints.size, 4);
});
