/** Counts how often the program opens each file of a model, by a module that is loaded before it. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fixture } from "../folders.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";
import { llama3Json } from "../tokenizer/tokenizer-json.js";
import { DEMO, llama, temporaryFolder } from "./cli-process.js";

/** Writes the paths that the main thread opens and the folders that it lists, one a line, at the end of the process. */
const COUNTER = `
const fs = require("node:fs");
const { isMainThread } = require("node:worker_threads");
if (isMainThread) {
  const lines = [];
  for (const [name, kind] of [["openSync", "open"], ["readdirSync", "list"]]) {
    const original = fs[name];
    fs[name] = (path, ...rest) => {
      lines.push(kind + " " + path);
      return original(path, ...rest);
    };
  }
  const read = fs.readFileSync;
  fs.readFileSync = (path, ...rest) => {
    const count = lines.length;
    try {
      return read(path, ...rest);
    } finally {
      // It may call openSync itself.
      lines.splice(count, Infinity, "open " + path);
    }
  };
  require("node:module").syncBuiltinESMExports();
  process.on("exit", () => fs.writeFileSync(process.env.OPENED + "/" + process.pid, lines.join("\\n")));
}
`;

const root = temporaryFolder();
const counter = join(root, "counter.cjs");
writeFileSync(counter, COUNTER);

/** Runs a command; returns how often it opened each file of the folder that has no weights, and how often it listed the folder. */
async function opened(dir: string, args: string[]): Promise<Record<string, number>> {
  const lists = join(root, "lists");
  rmSync(lists, { recursive: true, force: true });
  mkdirSync(lists);
  const env = { OPENED: lists, NODE_OPTIONS: `--require ${counter}` };
  const { code, stderr } = await llama(args, { env });
  assert.equal(code, 0, stderr);
  const counts: Record<string, number> = {};
  for (const line of readdirSync(lists).flatMap((name) => readFileSync(join(lists, name), "utf8").split("\n"))) {
    const [, kind, path] = /^(open|list) (.*)$/.exec(line) ?? [];
    if (path === undefined || !path.startsWith(dir) || /\.(pth|safetensors)$/.test(path)) continue;
    const key = kind === "list" ? "folder" : basename(path);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const generate = (dir: string) => ["generate", "--quiet", "--ckpt_dir", dir, "--prompt", "Once", "--max_gen_len", "1"];

test("a start opens each description of a model once and lists its folder once", async () => {
  const ofMeta = { folder: 1, "params.json": 1, "tokenizer.model": 1 };
  const tiktoken = fixture("llama3mini-bf16-mp2");
  for (const dir of [DEMO, tiktoken]) {
    assert.deepEqual(await opened(dir, generate(dir)), ofMeta);
    assert.deepEqual(await opened(dir, ["inspect", dir]), ofMeta);
  }
});

test("the same holds for a Hugging Face folder, and for its index and tokenizer.json", async () => {
  const meta = fixture("llama3mini-bf16-mp1");
  const { config, tensors } = hfTensors(meta, 768);
  const dir = writeHfFolder(join(root, "hf"), config, tensors, join(meta, "tokenizer.model"), 2);
  writeFileSync(join(dir, "tokenizer.json"), JSON.stringify(llama3Json(join(dir, "tokenizer.model"))));
  rmSync(join(dir, "tokenizer.model"));
  const files = { "config.json": 1, "model.safetensors.index.json": 1, "tokenizer.json": 1 };
  for (const args of [generate(dir), ["inspect", dir]]) {
    assert.deepEqual(await opened(dir, args), { folder: 1, ...files });
  }
});

test("--verify does not list the folder again", async () => {
  for (const args of [
    [...generate(DEMO), "--verify"],
    ["inspect", DEMO, "--verify"],
  ]) {
    assert.equal((await opened(DEMO, args)).folder, 1);
  }
});
