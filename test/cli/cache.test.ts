import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import { writeRandomFolder } from "../engine/random-folder.js";
import { writeZeroCheckpoint } from "../model/zero-checkpoint.js";
import { DEMO, llama, temporaryFolder } from "./cli-process.js";

const base = temporaryFolder();
const root = join(base, "llama-ts");
const env = { XDG_CACHE_HOME: base };

const generate = (dir: string, ...more: string[]) => {
  const options = ["--prompt", "Hi", "--max_gen_len", "1", "--dtype", "int8", "--nproc_per_node", "1", "--quiet"];
  return llama(["generate", "--ckpt_dir", dir, ...options, ...more], { env });
};
const cache = (...words: string[]) => llama(["cache", ...words], { env });

interface Listed {
  key: string;
  checkpoint: string;
  state: string;
}

async function listed(): Promise<Listed[]> {
  return JSON.parse((await cache("list", "--json")).stdout) as Listed[];
}

async function stateOf(dir: string): Promise<string[]> {
  return (await listed()).filter(({ checkpoint }) => checkpoint === dir).map(({ state }) => state);
}

describe("cache", () => {
  const names = ["stays", "changes", "goes", "old", "hurt"];
  const [stays, changes, goes, old, hurt] = names.map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const saved = join(base, "saved");

  before(async () => {
    for (const [index, name] of names.entries()) {
      writeRandomFolder(join(base, name), index + 1);
      assert.equal((await generate(join(base, name))).code, 0);
    }
    writeRandomFolder(changes, 10);
    rmSync(goes, { recursive: true });
    const keyOf = async (dir: string) => (await listed()).find(({ checkpoint }) => checkpoint === dir)!.key;
    const manifest = join(root, await keyOf(old), "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"format":\d+/, '"format":2'));
    writeFileSync(join(root, await keyOf(hurt), "0.constants.bin"), "");
    mkdirSync(join(root, "not-ours"));
    cpSync(root, saved, { recursive: true, preserveTimestamps: true });
  });

  test("list says which entries cannot be used, and why", async () => {
    const { code, stdout, stderr } = await cache("list");
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    const lineOf = (dir: string) => lines.find((line) => line.includes(`  ${dir}  `))!;
    assert.equal(lines.length, 5);
    assert.match(lineOf(stays), /llama-ts\/[0-9a-f]{32}$/);
    for (const [dir, mark] of [
      [changes, "checkpoint changed"],
      [goes, "checkpoint gone"],
      [old, "of another version"],
      [hurt, "damaged"],
    ] as const) {
      assert.ok(lineOf(dir).endsWith(`  (${mark})`), lineOf(dir));
    }
    assert.match(stderr, /^[\d.]+ MB in \S+\n[\d.]+ MB cannot be used any more: llama-ts cache prune removes it\.\n$/);
    assert.equal((await cache("ls")).stdout, stdout);
    assert.deepEqual(await stateOf(old), ["other version"]);
  });

  test("prune removes those, and nothing else", async () => {
    const { code, stdout, stderr } = await cache("prune");
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /^Removed [\d.]+ MB from \S+\n$/);
    assert.deepEqual(
      (await listed()).map(({ checkpoint, state }) => [checkpoint, state]),
      [[stays, "current"]],
    );
    assert.ok(existsSync(join(root, "not-ours")));
    assert.equal((await cache("prune")).stderr, "Everything in the cache can be used.\n");
  });

  test("rm removes by the folder of the checkpoint, the key and the beginning of a key", async () => {
    cpSync(saved, root, { recursive: true, preserveTimestamps: true });
    const entries = await listed();
    const [one, two] = [old, hurt].map((dir) => entries.find(({ checkpoint }) => checkpoint === dir)!.key);
    const unknown = await cache("rm", stays, "0123456789");
    assert.deepEqual([unknown.code, (await listed()).length], [2, 5], "nothing is removed if a name is wrong");
    assert.equal(
      unknown.stderr,
      "llama-ts: 0123456789: nothing is cached under this name. llama-ts cache list shows what is cached\n",
    );
    assert.equal((await cache("rm", changes, goes, one!.slice(0, 12), join(root, two!))).code, 0);
    assert.deepEqual(
      (await listed()).map(({ checkpoint }) => checkpoint),
      [stays],
    );
  });

  test("a Meta checkpoint that was moved with its times keeps its entry, because of its checksums", async () => {
    const [here, there] = [join(base, "here"), join(base, "there")];
    const shape = { dim: 256, n_layers: 6, n_heads: 4, multiple_of: 256, norm_eps: 1e-5, vocab_size: 2048 };
    writeZeroCheckpoint(here, shape, 1, join(DEMO, "tokenizer.model"));
    assert.equal((await generate(here)).code, 0);
    const entry = async (dir: string) => (await listed()).filter(({ checkpoint }) => checkpoint === dir);
    const [{ key, state } = { key: "", state: "" }] = await entry(here);
    assert.equal(state, "current");
    renameSync(here, there);
    assert.deepEqual(await stateOf(here), ["gone"]);
    assert.equal((await generate(there)).code, 0);
    assert.deepEqual([(await entry(here)).length, (await entry(there))[0]!.key], [0, key]);
    assert.deepEqual(await stateOf(there), ["current"]);
  });

  test("an unknown command is an error in one line", async () => {
    for (const [words, message] of [
      [
        ["show"],
        "cache: unknown command 'show'; expected list, prune, rm or clear. llama-ts help cache lists the options",
      ],
      [["list", "all"], "cache list: unexpected argument 'all'"],
      [["rm"], "missing required argument 'dir'"],
    ] as const) {
      const { code, stdout, stderr } = await cache(...words);
      assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: "", stderr: `llama-ts: ${message}\n` });
    }
  });

  test("keys are completed for rm, and folders where no key begins like the word", async () => {
    const keys = (await listed()).map(({ key }) => key);
    assert.ok(keys.length > 0);
    const { stdout } = await llama(["__complete", "--", "cache", "rm", ""], { env });
    assert.deepEqual(stdout.trimEnd().split("\n"), ["words", ...keys]);
    assert.equal((await llama(["__complete", "--", "cache", "rm", "./"], { env })).stdout, "folders\n");
  });

  test("a cache that cannot be read is an error in one line", async () => {
    const file = join(base, "file");
    writeFileSync(file, "");
    mkdirSync(join(base, "other"));
    writeFileSync(join(base, "other", "llama-ts"), "");
    for (const word of ["list", "prune", "clear"]) {
      const { code, stderr } = await llama(["cache", word], { env: { XDG_CACHE_HOME: join(base, "other") } });
      assert.equal(code, 1);
      assert.match(stderr, /^llama-ts: \S+\/other\/llama-ts: cannot be read: ENOTDIR.*\n$/);
    }
    assert.ok(
      readdirSync(root)
        .map((name) => basename(name))
        .includes("not-ours"),
    );
  });
});
