/** Reads the limit of the address space from what Linux writes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addressLimit } from "../../src/engine/machine/address-space.js";

test("the soft limit counts; no limit and no file are infinite", () => {
  const folder = mkdtempSync(join(tmpdir(), "limits-"));
  const limitOf = (value: string) => {
    const file = join(folder, "limits");
    writeFileSync(
      file,
      `Limit                     Soft Limit           Hard Limit           Units\nMax address space         ${value} unlimited            bytes\n`,
    );
    return addressLimit(file);
  };
  try {
    assert.equal(limitOf("6144000000          "), 6_144_000_000);
    assert.equal(limitOf("unlimited           "), Number.POSITIVE_INFINITY);
    assert.equal(addressLimit(join(folder, "absent")), Number.POSITIVE_INFINITY);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
