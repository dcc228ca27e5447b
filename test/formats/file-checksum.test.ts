import assert from "node:assert/strict";
import { truncateSync } from "node:fs";
import { test } from "node:test";
import { checkFile } from "../../src/formats/checkpoint/file-checksum.js";
import { makeZip, temporaryFile } from "./sample-files.js";

const MEGABYTE = 1 << 20;

test("a file that is truncated while it is read is an error, even if the entries read were right", async () => {
  const path = temporaryFile("large.zip", makeZip({ a: new Uint8Array(MEGABYTE), b: new Uint8Array(13 * MEGABYTE) }));
  assert.equal((await checkFile(path, () => {})).entries, 2);
  let pieces = 0;
  const cut = checkFile(path, () => {
    if (++pieces === 1) truncateSync(path, 8 * MEGABYTE);
  });
  await assert.rejects(cut, { name: "LlamaError", message: /ends too early/ });
});
