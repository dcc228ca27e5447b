import assert from "node:assert/strict";
import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { AtomicFile } from "../../src/formats/files/atomic-file.js";
import { temporaryFile } from "./sample-files.js";

const mode = (path: string) => statSync(path).mode & 0o777;

async function write(path: string, text: string, newMode?: number): Promise<void> {
  const file = await AtomicFile.create(path, newMode);
  await file.write(text);
  await file.finish();
}

test("an overwritten file keeps its permissions, a new one has the given ones", {
  skip: process.platform === "win32" && "Windows has no such permissions",
}, async () => {
  const path = temporaryFile("old", Buffer.from("old"));
  for (const kept of [0o600, 0o640, 0o666]) {
    chmodSync(path, kept);
    await write(path, "new", 0o644);
    assert.equal(mode(path), kept);
  }
  await write(`${path}.fresh`, "new", 0o600);
  assert.equal(mode(`${path}.fresh`), 0o600);
});

test("writing to a link replaces its target and keeps the link", async () => {
  const path = temporaryFile("target", Buffer.from("old"));
  const link = join(dirname(path), "link");
  symlinkSync("target", link);
  await write(link, "new");
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(path, "utf8"), "new");
});

test("abandoning a file leaves the old one unchanged", async () => {
  const path = temporaryFile("old", Buffer.from("old"));
  const file = await AtomicFile.create(path);
  await file.write("new");
  await file.abandon();
  assert.equal(readFileSync(path, "utf8"), "old");
});
