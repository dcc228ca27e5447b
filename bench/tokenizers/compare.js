#!/usr/bin/env node
/**
 * Compares ids and texts of tokenizers with those of the real libraries, on random strings of all scripts.
 *   node bench/tokenizers/compare.js [--python python3] [--count 2000] [--seed 1] FILE[=REFERENCE]...
 * FILE: a tokenizer.json, a tokenizer.model or a GGUF file; REFERENCE: the tokenizer's own file, for a GGUF file or one that
 * was made from it. Python needs the packages transformers, sentencepiece and tiktoken. Exits with 1 if anything differs.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadTokenizer } from "../../dist/src/tokenizer/loading/open-tokenizer.js";

const text = (value) => ({ type: "string", default: value });
const { values, positionals } = parseArgs({
  options: { python: text("python3"), count: text("2000"), seed: text("1") },
  allowPositionals: true,
});
const SHOWN = 3;

const folder = mkdtempSync(join(tmpdir(), "llama-ts-tokenizers-"));
try {
  const pairs = positionals.map((pair) => pair.split("="));
  const script = fileURLToPath(new URL("reference.py", import.meta.url));
  const references = pairs.map(([file, reference = file]) => reference);
  execFileSync(values.python, [script, folder, values.count, values.seed, ...references], { stdio: "inherit" });
  const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const strings = read("strings.json");
  for (const [n, [file]] of pairs.entries()) await compare(file, strings, read(`${n}.json`));
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(file, strings, { ids, texts, special, added, odd, oddTexts }) {
  const tokenizer = await loadTokenizer(file).catch((error) => error);
  if (tokenizer instanceof Error) {
    console.log(`${file}: ${tokenizer.message}`);
    process.exitCode = 1;
    return;
  }
  const differing = {
    ids: differences(strings, ids, (text) => tokenizer.encode(text)),
    texts: differences(ids, texts, (row) => tokenizer.decode(row)),
    "texts of random ids": differences(odd, oddTexts, (row) => tokenizer.decode(row)),
    ...(special && {
      "with special tokens": differences(strings, special, (s) => tokenizer.encode(s, { special: true })),
    }),
    ...(added && { "with BOS": differences(strings, added, (s) => tokenizer.encode(s, { bos: true, special: true })) }),
  };
  const counts = Object.entries(differing).map(([name, rows]) => `${name} ${rows.length}`);
  console.log(`${file}: of ${strings.length} differ: ${counts.join(", ")}`);
  for (const [name, rows] of Object.entries(differing)) {
    if (rows.length > 0) process.exitCode = 1;
    rows.sort((a, b) => JSON.stringify(a).length - JSON.stringify(b).length);
    for (const row of rows.slice(0, SHOWN))
      console.log(`  ${name}: ${row.map((value) => JSON.stringify(value)).join("  ")}`);
  }
}

/** What was given, what is right, what came out. */
function differences(given, expected, run) {
  return given.flatMap((value, i) => {
    let found;
    try {
      found = run(value);
    } catch (error) {
      found = String(error);
    }
    return JSON.stringify(found) === JSON.stringify(expected[i]) ? [] : [[value, expected[i], found]];
  });
}
