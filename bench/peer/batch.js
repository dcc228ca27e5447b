#!/usr/bin/env node
/**
 * Compares batches of prompts: llama-ts and node-llama-cpp (with a sequence per prompt in one context) on the same random weights.
 *   node bench/peer/batch.js --tokenizer_path FILE [--preset 7B] [--layers 8] [--types int8:Q8_0,int4:Q4_0] [--prompts 16] [--pp 64] [--tg 64] [--rounds 3]
 * The tokenizer, of 32000 tokens for 7B, is only written to the GGUF file. Each round runs both sides on new prompts; the
 * rate is new tokens per second of prefill and decode together.
 */
import { mkdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSentencePieceModel } from "../../dist/src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../dist/src/formats/tokenizer/tokenizer-file.js";
import { presetCheckpoint } from "../../dist/src/model/sizes/presets.js";
import { Child } from "./child.js";
import { convertCheckpoint } from "./convert.js";
import { promptOf } from "./rows.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    tokenizer_path: { type: "string" },
    preset: text("7B"),
    layers: text("8"),
    types: text("int8:Q8_0,int4:Q4_0"),
    prompts: text("16"),
    pp: text("64"),
    tg: text("64"),
    rounds: text("3"),
    nproc_per_node: text("auto"),
    cache_dir: text(join(tmpdir(), "llama-ts-peer")),
    keep: { type: "boolean", default: false },
  },
});
const [layers, prompts, pp, tg, rounds] = ["layers", "prompts", "pp", "tg", "rounds"].map((name) =>
  Number(values[name]),
);
const nprocPerNode = values.nproc_per_node === "auto" ? "auto" : Number(values.nproc_per_node);
const context = pp + tg;
const checkpoint = presetCheckpoint(values.preset, layers);
const { vocabSize } = checkpoint.config;
const tokenizer = readSentencePieceModel(readTokenizerFile(values.tokenizer_path));
mkdirSync(values.cache_dir, { recursive: true });

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const digits = (value) => value.toFixed(1);

for (const pair of values.types.split(",")) {
  const [dtype, type] = pair.split(":");
  const name = `${values.preset}-${layers}-layers`;
  const file = join(values.cache_dir, `${name}-${type}.gguf`);
  const { isNew } = convertCheckpoint({ checkpoint, name, tokenizer, type, out: file });
  const ours = new Child("ours");
  const peer = new Child("peer");
  try {
    await ours.request("load", { options: { preset: values.preset, layers, dtype, context, nprocPerNode } });
    await peer.request("load", { options: { file, context, threads: availableParallelism() } });
    const batchOf = (seed) => Array.from({ length: prompts }, (_, i) => promptOf(pp, vocabSize, seed * prompts + i));
    const run = async (side, seed, setting) => {
      const { tokens, ms } = await side.request("batch", { prompts: batchOf(seed), count: tg, setting });
      if (tokens !== prompts * tg) throw new Error(`${tokens} tokens instead of ${prompts * tg}`);
      return (tokens * 1000) / ms;
    };
    // Both are warmed up; the peer runs with its faster setting.
    await run(ours, 0);
    const settings = [true, false];
    const speeds = [];
    for (const setting of settings) speeds.push(await run(peer, 0, setting));
    const setting = settings[speeds.indexOf(Math.max(...speeds))];
    const pairs = [];
    for (let round = 1; round <= rounds; round++) {
      pairs.push({ ours: await run(ours, round), peer: await run(peer, round, setting) });
    }
    const ratios = pairs.map((one) => one.ours / one.peer);
    console.log(
      `${name}, ${dtype} and ${type}, ${prompts} prompts of ${pp}, ${tg} new tokens each: ` +
        `${digits(median(pairs.map((one) => one.ours)))} and ${digits(median(pairs.map((one) => one.peer)))} tok/s, ` +
        `ratio ${median(ratios).toFixed(2)} (${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}), flash attention ${setting}, ` +
        `other programs at most ${Math.max(ours.foreign, peer.foreign).toFixed(2)} cores`,
    );
  } finally {
    await ours.end();
    await peer.end();
    if (isNew && !values.keep) rmSync(file);
  }
}
