/** The tarball is complete, has nothing useless, and runs where it is installed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, test } from "node:test";
import { run, temporaryFolder } from "../cli/cli-process.js";
import { ROOT } from "./blocks.js";

interface Packed {
  filename: string;
  size: number;
  files: { path: string }[];
}

const folder = temporaryFolder();

function npm(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  return spawnSync("npm", args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    shell: process.platform === "win32",
  });
}

const packed = npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], ROOT);
const [{ filename, size, files }] = JSON.parse(packed.stdout) as [Packed];
const names = files.map(({ path }) => path);

describe("the npm tarball", { concurrency: 1 }, () => {
  test("has every file that its documents link to", () => {
    const isThere = (name: string) =>
      names.some((path) => path === name || path.startsWith(`${name.replace(/\/$/, "")}/`));
    for (const name of names.filter((path) => path.endsWith(".md"))) {
      for (const [, target] of readFileSync(join(ROOT, name), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        assert.ok(isThere(posix.join(posix.dirname(name), target!)), `${name} links to ${target}`);
      }
    }
    for (const name of ["README.md", "LICENSE", "docs/output.schema.json", "models/demo/consolidated.00.pth"]) {
      assert.ok(names.includes(name), name);
    }
  });

  test("has no source maps and no compiled tests, and the size that README states", () => {
    assert.deepEqual(
      names.filter((path) => path.endsWith(".map") || path.startsWith("dist/test")),
      [],
    );
    const [, stated] = /The tarball has (\d+) MB/.exec(readFileSync(join(ROOT, "README.md"), "utf8"))!;
    assert.ok(Math.abs(size / 1e6 - Number(stated)) <= 1, `${size} bytes`);
  });

  test("runs in fp32 and int4 from another folder after npm install -g", async (t) => {
    const prefix = join(folder, "prefix");
    mkdirSync(join(folder, "elsewhere"));
    const args = ["install", "-g", "--ignore-scripts", "--prefer-offline", "--prefix", prefix, join(folder, filename)];
    const installed = npm(args, join(folder, "elsewhere"));
    if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENOTCACHED|ETIMEDOUT/.test(installed.stderr))
      return t.skip("no npm registry");
    assert.equal(installed.status, 0, installed.stderr);
    assert.match(installed.stdout, /^\s*added \d+ packages in \S+\s*$/);
    const bin = process.platform === "win32" ? join(prefix, "llama-ts.cmd") : join(prefix, "bin/llama-ts");
    for (const dtype of ["fp32", "int4"]) {
      const line = ["generate", "--prompt", "Once upon a time", "--temperature", "0", "--max_gen_len", "6", "--quiet"];
      const { code, stdout, stderr } = await run(bin, [...line, "--dtype", dtype]);
      assert.deepEqual([code, stdout, stderr], [0, ", there was a little girl\n", ""]);
    }
  });

  test("before a global install, onnxruntime-node's script finds nothing to download; a local one is left alone", () => {
    const own = join(folder, "node_modules/llama-ts/bin");
    const runtime = join(folder, "node_modules/onnxruntime-node");
    for (const name of [
      own,
      join(runtime, "script"),
      join(runtime, `bin/napi-v6/${process.platform}/${process.arch}`),
    ]) {
      mkdirSync(name, { recursive: true });
    }
    const platform = `${process.platform}/${process.arch}`;
    writeFileSync(join(runtime, "package.json"), '{"name":"onnxruntime-node","version":"1.30.0"}');
    writeFileSync(join(own, "preinstall.cjs"), readFileSync(join(ROOT, "bin/preinstall.cjs")));
    const metadata = {
      requirements: { [platform]: ["cuda"] },
      manifests: { [`${platform}:cuda`]: { "./cuda.so": {} } },
    };
    writeFileSync(join(runtime, "script/install-metadata.js"), `module.exports = ${JSON.stringify(metadata)};`);
    const stub = join(runtime, "bin/napi-v6", platform, "cuda.so");
    const before = (isGlobal: string) =>
      spawnSync(process.execPath, [join(own, "preinstall.cjs")], {
        env: { ...process.env, npm_config_global: isGlobal },
      });
    assert.equal(before("").status, 0);
    assert.equal(existsSync(stub), false);
    assert.equal(before("true").status, 0);
    assert.equal(statSync(stub).size, 0);
  });
});
