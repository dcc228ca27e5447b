#!/usr/bin/env node
/**
 * Compares llama-ts with node-llama-cpp on the same weights; prints medians and the ratios of the pairs.
 *   node bench/peer/run.js --ckpt_dir DIR [--types int4:Q4_0,int8:Q8_0,fp32:F32] [--rounds 5]   (README.md has the other options)
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readSentencePieceModel } from "../../dist/src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../dist/src/formats/tokenizer/tokenizer-file.js";
import { agree } from "./agree.js";
import { Child } from "./child.js";
import { convert, findTokenizer } from "./convert.js";
import { bytesPerToken, machine, summary, typeLines, versions } from "./report.js";
import { measureDecode, measurePrefill, measureStart, tokensAfter } from "./rows.js";

const DEMO = fileURLToPath(new URL("../../models/demo", import.meta.url));
/** Increase it when the files that convert.js writes change. */
const FORMAT = 1;
const FLASH = { best: [true, false], on: [true], off: [false] };

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    ckpt_dir: text(DEMO),
    tokenizer_path: { type: "string" },
    types: text("int4:Q4_0,int8:Q8_0,fp32:F32"),
    pp: text("512"),
    tg: text("64"),
    depth: text("128,1500"),
    rounds: text("5"),
    nproc_per_node: text("auto"),
    flash_attention: text("best"),
    cache_dir: text(join(tmpdir(), "llama-ts-peer")),
    keep: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

function count(name, value) {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} must be a whole number of at least 1`);
  return number;
}

const say = (line) => (values.json ? console.error(line) : console.log(line));
const rounds = count("rounds", values.rounds);
const tokens = count("tg", values.tg);
const length = count("pp", values.pp);
const depths = values.depth.split(",").map((depth) => count("depth", depth));
const nprocPerNode = values.nproc_per_node === "auto" ? "auto" : count("nproc_per_node", values.nproc_per_node);
const settings = FLASH[values.flash_attention];
if (!settings) throw new Error(`--flash_attention must be one of ${Object.keys(FLASH).join(", ")}`);
const threads = availableParallelism();
const longest = Math.max(length + 1, ...depths.map((depth) => depth + tokensAfter({ rounds, tokens })));
const context = Math.ceil(longest / 256) * 256;
/** Files and folders written by this run, which it removes; existing ones are kept. */
const written = [];

/** The GGUF file of a checkpoint in a type; each checkpoint has a folder, identified by its files, their sizes and times. */
function ggufOf(ckptDir, tokenizerPath, type) {
  const files = readdirSync(ckptDir).filter((name) => /\.pth$|^params\.json$/.test(name));
  const hash = createHash("sha256").update(`${FORMAT}`);
  for (const path of [...files.sort().map((name) => join(resolve(ckptDir), name)), resolve(tokenizerPath)]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`\n${path} ${size} ${mtimeMs}`);
  }
  const folder = join(values.cache_dir, hash.digest("hex").slice(0, 16));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${type}.gguf`);
  const { isNew, ...sizes } = convert({ ckptDir, tokenizerPath, type, out: file });
  if (isNew) written.push(file);
  say(`${type}: ${file}, ${Math.round(sizes.bytes / 1e6)} MB, ${isNew ? "written" : "existing"}`);
  return { file, folder, ...sizes };
}

async function compare(pair) {
  const [dtype, type] = pair.split(":");
  const ckptDir = values.ckpt_dir;
  const tokenizerPath = values.tokenizer_path ?? findTokenizer(ckptDir);
  const vocabSize = readSentencePieceModel(readTokenizerFile(tokenizerPath)).pieces.length;
  const { file, folder, ...sizes } = ggufOf(ckptDir, tokenizerPath, type);
  const cacheDir = join(folder, "llama-ts");
  if (!existsSync(cacheDir)) written.push(cacheDir);
  const sides = {
    ours: { ckptDir, tokenizerPath, dtype, context, nprocPerNode, cacheDir },
    peer: { file, context, threads },
  };
  const rows = await measureStart({ sides, rounds, vocabSize });
  const ours = new Child("ours");
  const peer = new Child("peer");
  try {
    const about = {
      ours: (await ours.request("load", { options: sides.ours })).about,
      peer: (await peer.request("load", { options: sides.peer })).about,
    };
    const common = { ours, peer, rounds, vocabSize, settings };
    rows.push(await measurePrefill({ ...common, length }));
    for (const depth of depths) rows.push(await measureDecode({ ...common, depth, tokens }));
    return {
      dtype,
      type,
      bytes: bytesPerToken(dtype, sizes),
      about,
      residentMB: { ours: ours.residentMB(), peer: peer.residentMB() },
      foreign: { ours: ours.foreign, peer: peer.foreign },
      idle: { ours: ours.idle, peer: peer.idle },
      rows: rows.map(summary),
    };
  } finally {
    await ours.end();
    await peer.end();
  }
}

const report = { machine: machine(), versions: versions(), load: loadavg()[0], context, types: [] };
try {
  say(Object.values(report.machine).join(", "));
  say(
    Object.entries(report.versions)
      .map((entry) => entry.join(" "))
      .join(", "),
  );
  say(`load of the machine before the start: ${report.load.toFixed(2)}; context ${context}; ${rounds} rounds`);
  const demo = { ckptDir: DEMO, tokenizerPath: findTokenizer(DEMO) };
  const vocabSize = readSentencePieceModel(readTokenizerFile(demo.tokenizerPath)).pieces.length;
  const { file } = ggufOf(demo.ckptDir, demo.tokenizerPath, "F32");
  report.agreement = await agree({ ...demo, file, threads, vocabSize });
  say(
    `greedy text of the demo model in fp32: equal, ${report.agreement.ids} ids of ${report.agreement.prompts} prompts`,
  );
  for (const pair of values.types.split(",")) {
    const result = await compare(pair);
    report.types.push(result);
    for (const line of typeLines(result)) say(line);
  }
  if (values.json) console.log(JSON.stringify(report));
} finally {
  if (!values.keep) for (const file of written) rmSync(file, { recursive: true, force: true });
}
