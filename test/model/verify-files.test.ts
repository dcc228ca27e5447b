import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { openPth } from "../../src/formats/checkpoint/pth.js";
import { crc32 } from "../../src/formats/files/crc32.js";
import { Llama } from "../../src/index.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { openPath } from "../../src/model/checkpoint/open-path.js";
import { verifyFiles } from "../../src/model/checkpoint/verify-files.js";
import { demo } from "../folders.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-verify-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A copy of the demo model in two files. */
function copy(name: string): string {
  const dir = join(root, name);
  cpSync(join(demo, "mp2"), dir, { recursive: true });
  return dir;
}

/** Sets a number of a tensor in a file; with `mend`, also corrects the CRC in the archive. */
function spoil(file: string, tensor: string, index: number, bits: number, mend: boolean): void {
  const { storage, storageOffset } = openPth(file).find(({ name }) => name === tensor)!;
  const bytes = readFileSync(file);
  const old = Buffer.alloc(4);
  old.writeUInt32LE(storage.crc32!);
  bytes.writeUInt16LE(bits, storage.offset + (storageOffset + index) * 2);
  if (mend) {
    const crc = crc32(bytes.subarray(storage.offset, storage.offset + storage.byteLength));
    for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + 4)) bytes.writeUInt32LE(crc, at);
  }
  writeFileSync(file, bytes);
}

const verify = (dir: string, onProgress = (_done: number, _total: number) => {}) =>
  verifyFiles(openPath(dir), join(dir, "tokenizer.model"), onProgress);

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof LlamaError && error.kind === "model", String(error));
  assert.match(error.message, message);
  return true;
};

test("all files and entries of an undamaged folder are counted, with progress up to the end", async () => {
  const progress: [number, number][] = [];
  const { bytes, ...counts } = await verify(join(demo, "mp2"), (done, total) => progress.push([done, total]));
  assert.deepEqual(counts, { files: 4, md5: 4, crc: 100, unlisted: [] });
  assert.deepEqual(progress.at(-1), [bytes, bytes]);
});

test("for a changed byte, the error names the entry, or the file if the CRC of the entry is right", async () => {
  const dir = copy("flipped");
  spoil(join(dir, "consolidated.01.pth"), "layers.3.feed_forward.w2.weight", 100, 0x3f80, false);
  await assert.rejects(verify(dir), refused(/consolidated\.01\.pth: .*data\/\d+: checksum \(CRC-32\) does not match/));
  const mended = copy("mended");
  spoil(join(mended, "consolidated.01.pth"), "layers.3.feed_forward.w2.weight", 100, 0x3f80, true);
  await assert.rejects(
    verify(mended),
    refused(/consolidated\.01\.pth: md5 does not match the checklist; expected \w{32}/),
  );
});

test("a missing shard and a bad line of a checklist are errors; files that are not listed are reported", async () => {
  const dir = copy("listed");
  const list = join(dir, "checklist.chk");
  const lines = readFileSync(list, "utf8");
  writeFileSync(list, `${lines}${"0".repeat(32)}  consolidated.02.pth\n`);
  await assert.rejects(verify(dir), refused(/listed: consolidated\.02\.pth is in the checklist but not in the folder/));
  writeFileSync(list, "not a sum\n");
  await assert.rejects(
    verify(dir),
    refused(/checklist\.chk: line 1 is not a line of a checklist; .* found "not a sum"/),
  );
  rmSync(list);
  const { md5, unlisted } = await verify(dir);
  assert.equal(md5, 1); // tokenizer_checklist.chk is still there
  assert.deepEqual(unlisted, ["consolidated.00.pth", "consolidated.01.pth", "params.json"]);
});

test("loading checks the CRC of tensors that it reads completely", async () => {
  const dir = copy("loaded");
  spoil(join(dir, "consolidated.01.pth"), "layers.3.feed_forward.w1.weight", 100, 0x3f80, false);
  for (const dtype of ["fp32", "int8"] as const) {
    await assert.rejects(
      Llama.build({ ckptDir: dir, nprocPerNode: 1, dtype, cacheDir: null }),
      refused(/consolidated\.01\.pth: layers\.3\.feed_forward\.w1\.weight: checksum \(CRC-32\) does not match/),
    );
  }
});

test("a norm that differs between the files is reported with the largest difference", () => {
  const dir = copy("replica");
  const file = join(dir, "consolidated.01.pth");
  spoil(file, "layers.2.ffn_norm.weight", 7, 0x4380, true); // bf16 256
  const [found, ...others] = openCheckpoint(dir, 2048).differing;
  assert.deepEqual(others, []);
  assert.equal(found!.name, "layers.2.ffn_norm.weight");
  assert.equal(found!.file, "consolidated.01.pth");
  assert.ok(found!.largest > 200 && found!.largest < 300, String(found!.largest));
  assert.deepEqual(openCheckpoint(join(demo, "mp2"), 2048).differing, []);
});

test("the error for a weight that is not finite has its file, tensor, row and column, for any type and number of ranks", async () => {
  const dir = copy("infinite");
  // the second file has columns 176 to 351 of w2
  spoil(join(dir, "consolidated.01.pth"), "layers.1.feed_forward.w2.weight", 5 * 176 + 3, 0x7f80, true);
  for (const [nprocPerNode, dtype] of [
    [1, "fp32"],
    [3, "fp32"],
    [2, "int4"],
  ] as const) {
    await assert.rejects(
      Llama.build({ ckptDir: dir, nprocPerNode, dtype, cacheDir: null }),
      refused(
        /consolidated\.01\.pth: layers\.1\.feed_forward\.w2\.weight: row 5, column 179 is not finite.*found Infinity/,
      ),
    );
  }
});

test("each row of the embedding is checked when it is used", async () => {
  const dir = copy("embedding");
  spoil(join(dir, "consolidated.00.pth"), "tok_embeddings.weight", 300 * 64 + 9, 0x7fc0, true);
  const llama = await Llama.build({ ckptDir: dir, nprocPerNode: 1 });
  try {
    await llama.logits([1, 299]);
    await assert.rejects(
      llama.logits([1, 300]),
      refused(/consolidated\.00\.pth: tok_embeddings\.weight: row 300, column 9 is not finite.*found NaN/),
    );
  } finally {
    await llama.close();
  }
});
