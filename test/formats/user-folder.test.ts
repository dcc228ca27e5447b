import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { moveFile, moveFileSync } from "../../src/formats/files/move-file.js";
import { userFolder } from "../../src/formats/files/user-folder.js";

const NOBODY = 65534;
const folder = mkdtempSync(join(tmpdir(), "llama-ts-user-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("each platform has its places, and XDG's absolute paths are used on all", () => {
  const linux = { system: "linux", home: "/home/me" } as const;
  const mac = { system: "darwin", home: "/Users/me" } as const;
  const windows = { system: "win32", home: "C:\\Users\\me" } as const;
  const kinds = ["cache", "config", "state"] as const;
  const places = (env: Record<string, string>, where: typeof linux | typeof mac | typeof windows) =>
    kinds.map((kind) => userFolder(kind, env, where));
  assert.deepEqual(places({}, linux), [
    "/home/me/.cache/llama-ts",
    "/home/me/.config/llama-ts",
    "/home/me/.local/state/llama-ts",
  ]);
  assert.deepEqual(places({}, mac), [
    "/Users/me/Library/Caches/llama-ts",
    "/Users/me/.config/llama-ts",
    "/Users/me/.local/state/llama-ts",
  ]);
  assert.deepEqual(places({}, windows), [
    "C:\\Users\\me\\AppData\\Local\\llama-ts\\cache",
    "C:\\Users\\me\\AppData\\Roaming\\llama-ts",
    "C:\\Users\\me\\AppData\\Local\\llama-ts\\state",
  ]);
  assert.equal(userFolder("cache", { LOCALAPPDATA: "D:\\app" }, windows), "D:\\app\\llama-ts\\cache");
  const xdg = { XDG_CACHE_HOME: "/x", XDG_CONFIG_HOME: "relative", XDG_STATE_HOME: "" };
  assert.deepEqual(places(xdg, linux), ["/x/llama-ts", "/home/me/.config/llama-ts", "/home/me/.local/state/llama-ts"]);
  assert.equal(userFolder("cache", { XDG_CACHE_HOME: "C:\\cache" }, windows), "C:\\cache\\llama-ts");
});

test("a move replaces a file, and an error that does not pass is thrown at once", async () => {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  for (const isRetried of [true, false]) {
    writeFileSync(from, "new");
    writeFileSync(to, "old");
    await moveFile(from, to, { isRetried });
    assert.equal(existsSync(from), false);
    const start = performance.now();
    await assert.rejects(moveFile(from, to, { isRetried }), { code: "ENOENT" });
    assert.throws(() => moveFileSync(from, to, { isRetried }), { code: "ENOENT" });
    assert.ok(performance.now() - start < 500);
  }
});

test("a refusal that passes is waited for where retries are on", {
  skip: process.platform === "win32" && "folders have other rights",
}, async () => {
  const locked = join(folder, "locked");
  mkdirSync(locked);
  writeFileSync(join(locked, "from"), "");
  // Root may write everywhere: nobody tries in its place.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    for (const path of [folder, locked]) chownSync(path, NOBODY, NOBODY);
    process.seteuid!(NOBODY);
  }
  try {
    chmodSync(locked, 0o500);
    await assert.rejects(moveFile(join(locked, "from"), join(locked, "to"), { isRetried: false }), { code: "EACCES" });
    setTimeout(() => chmodSync(locked, 0o700), 60);
    await moveFile(join(locked, "from"), join(locked, "to"), { isRetried: true });
  } finally {
    if (isRoot) process.seteuid!(0);
  }
  assert.ok(existsSync(join(locked, "to")));
});
