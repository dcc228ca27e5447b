/** Tests the words of messages: errors of files, and amounts. */
import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { firstFew, plural, showBytes, showPart } from "../../src/formats/files/amounts.js";
import { fileError } from "../../src/formats/files/file-error.js";

/** What node:fs throws. */
function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("an error of a file says what is wrong, with its kind, cause and fix", () => {
  const missing = thrown(() => openSync(join(tmpdir(), "no", "such"), "r"));
  const folder = thrown(() => readFileSync(tmpdir()));
  const fd = openSync(process.execPath, "r");
  closeSync(fd);
  const other = thrown(() => fstatSync(fd));

  assert.equal(fileError("a", missing, "usage").message, "a: no such file");
  assert.equal(fileError("a", missing, "usage", { doing: "written" }).message, "a: no such folder");
  assert.equal(fileError("a", folder, "usage").message, "a: is a folder");
  const error = fileError("a", other, "runtime", { doing: "written", fix: "Free some space" });
  assert.match(error.message, /^a: cannot be written: EBADF: bad file descriptor, .*\. Free some space$/);
  assert.deepEqual([error.kind, error.cause], ["runtime", other]);
});

test("bytes have three digits and a unit", () => {
  const shown = [0, 1_530_000, 15_300_000, 999_000_000, 1e9, 26.4e9, 3.123e12].map(showBytes);
  assert.deepEqual(shown, ["0.00 MB", "1.53 MB", "15.3 MB", "999 MB", "1.00 GB", "26.4 GB", "3123 GB"]);
  assert.equal(showPart(7.1e9, 13.5e9), "7.1 of 13.5 GB");
  assert.equal(showPart(2e6, 3e6), "2.0 of 3.0 MB");
});

test("counts agree with their nouns, and long lists are shortened", () => {
  assert.deepEqual(
    [0, 1, 2].map((n) => plural(n, "file")),
    ["0 files", "1 file", "2 files"],
  );
  assert.equal(firstFew(["a", "b\n", "c"]), 'a, "b\\n", c');
  assert.equal(firstFew(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
});
