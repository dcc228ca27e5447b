import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { LlamaError } from "../../src/error.js";
import { readSentencePieceModel } from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";

const root = new URL("../../../", import.meta.url);
const bad = new URL("../shared/data/bad/", root);
const folder = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array): string {
  const path = join(folder, "tokenizer.model");
  writeFileSync(path, content);
  return path;
}

type Row = [piece: string, type?: number, score?: number];
const BASIC: Row[] = [
  ["<unk>", 2],
  ["<s>", 3],
  ["</s>", 3],
  ["a", 1, -1],
];

function model(
  rows: Row[],
  trainer: (spec: BinaryWriter) => void = () => {},
  more: (m: BinaryWriter) => void = () => {},
) {
  const writer = new BinaryWriter();
  for (const [piece, type, score] of rows) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(piece);
    if (score !== undefined) writer.tag(2, WireType.Bit32).float(score);
    if (type !== undefined) writer.tag(3, WireType.Varint).int32(type);
    writer.join();
  }
  writer.tag(2, WireType.LengthDelimited).fork().tag(3, WireType.Varint).int32(2);
  trainer(writer);
  writer.join();
  more(writer);
  return writer.finish();
}

function refuses(content: string | Uint8Array, message: RegExp): void {
  const path = file(content);
  assert.throws(
    () => readSentencePieceModel(readTokenizerFile(path)),
    (error) => {
      assert.ok(error instanceof LlamaError, String(error));
      assert.equal(error.kind, "model");
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(path));
      return true;
    },
  );
}

test("reads pieces, ids and flags", () => {
  const read = readSentencePieceModel(readTokenizerFile(fileURLToPath(new URL("test/fixtures/own512.model", root))));
  assert.equal(read.pieces.length, 512);
  assert.deepEqual(read.pieces[0], { piece: "<unk>", score: 0, type: "unknown" });
  assert.deepEqual(read.pieces[1], { piece: "<s>", score: 0, type: "control" });
  assert.equal(read.pieces[13]!.type, "byte");
  assert.equal(read.pieces[13]!.piece, "<0x0A>");
  assert.equal(read.byteFallback, true);
  assert.deepEqual([read.unkId, read.bosId, read.eosId, read.padId], [0, 1, 2, -1]);
});

test("uses the format's defaults for absent fields", () => {
  const read = readSentencePieceModel(readTokenizerFile(file(model(BASIC))));
  const { pieces, ...rest } = read;
  assert.deepEqual(pieces[3], { piece: "a", score: -1, type: "normal" });
  assert.deepEqual(rest, {
    unkId: 0,
    bosId: 1,
    eosId: 2,
    padId: -1,
    byteFallback: false,
    unkSurface: " \u2047 ",
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  });
});

test("reads the fields that are present, and keeps U+FEFF in a piece", () => {
  const rows: Row[] = [["<s>", 3], ["</s>", 3], ["<pad>", 3], ["<unk>", 2], ["\uFEFF"]];
  const trainer = (spec: BinaryWriter) => {
    spec.tag(40, WireType.Varint).int32(3).tag(41, WireType.Varint).int32(0).tag(42, WireType.Varint).int32(1);
    spec.tag(43, WireType.Varint).int32(2).tag(44, WireType.LengthDelimited).string("?");
  };
  const more = (writer: BinaryWriter) => {
    writer.tag(3, WireType.LengthDelimited).fork();
    for (const no of [3, 4, 5]) writer.tag(no, WireType.Varint).bool(false);
    writer.join().tag(99, WireType.Varint).int32(5);
  };
  const { pieces, ...rest } = readSentencePieceModel(readTokenizerFile(file(model(rows, trainer, more))));
  assert.equal(pieces[4]!.piece, "\uFEFF");
  assert.deepEqual(rest, {
    unkId: 3,
    bosId: 0,
    eosId: 1,
    padId: 2,
    byteFallback: false,
    unkSurface: "?",
    addDummyPrefix: false,
    removeExtraWhitespaces: false,
    escapeWhitespaces: false,
  });
});

test("rejects a missing file and a folder by name", () => {
  assert.throws(() => readSentencePieceModel(readTokenizerFile(join(folder, "absent"))), /absent: no such file/);
  assert.throws(() => readSentencePieceModel(readTokenizerFile(folder)), /is not a file/);
});

test("names the format of files that are not a model", () => {
  refuses("", /is empty/);
  refuses("<!DOCTYPE html>\n<html>", /neither a SentencePiece nor a tiktoken model.*an HTML page/);
  refuses("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", /a Git LFS pointer.*git lfs pull/);
  refuses('{"version": "1.0"}', /not a SentencePiece model.*JSON/);
  refuses("IQ== 0\nIg== 1\n", /not a SentencePiece model.*tiktoken/);
  refuses("not a tokenizer\n", /not a SentencePiece model/);
  refuses(
    new Uint8Array(3000).map((_, i) => (i * 167 + 13) % 251),
    /not a SentencePiece model/,
  );
  refuses(model([]), /not a SentencePiece model.*no pieces/);
});

test("rejects models of another kind", () => {
  refuses(
    model(BASIC, (spec) => spec.tag(3, WireType.Varint).int32(1)),
    /unigram SentencePiece models are not supported/,
  );
  refuses(
    model(BASIC, (spec) => spec.tag(3, WireType.Varint).int32(3)),
    /word SentencePiece models/,
  );
  refuses(
    model(BASIC, (spec) => spec.tag(24, WireType.Varint).bool(true)),
    /whitespace as a suffix/,
  );
});

test("rejects damaged pieces", () => {
  refuses(model([...BASIC, ["a"]]), /piece 4 occurs twice: a\./);
  refuses(model([...BASIC, [""]]), /piece 4 is empty/);
  refuses(model([...BASIC, ["b", 9]]), /piece type 9/);
  refuses(model([...BASIC, ["<0x0g>", 6]]), /byte piece 4/);
  refuses(model([...BASIC, ["<0x00>", 6]]), /1 byte pieces, but byte_fallback is false/);
  refuses(
    model(BASIC, (spec) => spec.tag(35, WireType.Varint).bool(true)),
    /0 byte pieces, but byte_fallback is true/,
  );
  refuses(model([...BASIC, ["<unk2>", 2]]), /has 2 unknown pieces instead of 1/);
  refuses(
    model(BASIC, (spec) => spec.tag(41, WireType.Varint).int32(-1)),
    /BOS id -1/,
  );
  refuses(
    model(BASIC, (spec) => spec.tag(42, WireType.Varint).int32(3)),
    /EOS id 3/,
  );
  const whole = model(BASIC);
  refuses(whole.subarray(0, whole.length - 1), /not a SentencePiece model/);
});

const skip = existsSync(bad) ? false : "the shared test data is missing";
for (const [name, message] of [
  ["tok-empty", /is empty/],
  ["tok-garbage", /not a SentencePiece model/],
  ["tok-text", /not a SentencePiece model/],
  ["tok-json", /JSON/],
  ["tok-no-pieces", /no pieces/],
  ["tok-unigram", /unigram/],
] as const) {
  test(`rejects ${name}`, { skip }, () => {
    const path = fileURLToPath(new URL(`${name}/tokenizer.model`, bad));
    assert.throws(() => readSentencePieceModel(readTokenizerFile(path)), {
      name: "LlamaError",
      kind: "model",
      message,
    });
  });
}
