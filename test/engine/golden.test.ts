/** Compares whole forward passes with float64 golden numbers, for every checkpoint format and number of ranks. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Llama } from "../../src/index.js";
import { demo, fixture, readJson, shared, withoutShared } from "../folders.js";
import { maxDifference } from "../max-difference.js";
import { ggufModel, writeGgufFolder } from "../model/gguf-model.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";

const TOLERANCE = 1e-3;
const EVERY_EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];

interface GoldenPrompt {
  text: string;
  ids: number[];
  logits: number[];
  greedyIds: number[];
}

let worst = 0;
after(() =>
  console.log(`# largest difference between a logit and its float64 golden value: ${worst.toExponential(2)}`),
);

/** Compares the logits after each prompt, then all greedy ids, with each of the given numbers of ranks. */
function compare(
  name: string,
  ckptDir: string,
  golden: () => GoldenPrompt[],
  worldSizes: number[],
  skip: string | false,
) {
  for (const nprocPerNode of worldSizes) {
    test(`${name}, ${nprocPerNode} ranks`, { skip }, async (t) => {
      const llama = await Llama.build({ ckptDir, nprocPerNode, threadsPerRank: 1 });
      try {
        assert.equal(llama.worldSize, nprocPerNode);
        let max = 0;
        for (const { text, ids, logits, greedyIds } of golden()) {
          assert.deepEqual(llama.tokenizer.encode(text, { bos: true, eos: false }), ids);
          max = Math.max(max, maxDifference(await llama.logits(ids), logits));
          assert.deepEqual(await greedy(llama, ids, greedyIds.length), greedyIds, text);
        }
        t.diagnostic(`largest difference ${max.toExponential(2)}`);
        worst = Math.max(worst, max);
        assert.ok(max <= TOLERANCE, `logits differ by ${max}`);
      } finally {
        await llama.close();
      }
    });
  }
}

/** Generates `count` tokens greedily, past stop tokens, as the golden ids do. */
async function greedy(llama: Llama, promptIds: number[], count: number): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < count) {
    const { tokens } = await llama.generate([[...promptIds, ...ids]], {
      temperature: 0,
      maxGenLen: count - ids.length,
    });
    ids.push(...tokens[0]!);
    // A stop token ended the text: add it and continue after it.
    if (ids.length < count) ids.push(argmax(await llama.logits([...promptIds, ...ids])));
  }
  return ids;
}

function argmax(logits: Float32Array): number {
  return logits.reduce((best, value, id) => (value > logits[best]! ? id : best), 0);
}

const demoGolden = () =>
  readJson<{ cases: { prompt: string; ids: number[]; logits: number[]; greedy_ids: number[] }[] }>(
    join(demo, "golden.json"),
  ).cases.map(({ prompt, ids, logits, greedy_ids }) => ({ text: prompt, ids, logits, greedyIds: greedy_ids }));
compare("demo", demo, demoGolden, [1, 2, 4], false);
compare("demo, two files", join(demo, "mp2"), demoGolden, [1, 2, 4], false);
// 8 heads do not divide evenly over 3 and 5 ranks.
compare("demo, uneven", demo, () => demoGolden().slice(0, 2), [3, 5, 8], false);

const miniGolden = (file: string) => () =>
  readJson<{ prompts: { text: string; ids: number[]; last_logits: number[]; greedy_ids: number[] }[] }>(
    fixture(file),
  ).prompts.map(({ text, ids, last_logits, greedy_ids }) => ({
    text,
    ids,
    logits: last_logits,
    greedyIds: greedy_ids,
  }));
for (const folder of ["llama1mini-fp16-mp1", "llama1mini-fp16-mp2"]) {
  compare(folder, fixture(folder), miniGolden("llama1mini.json"), [1, 2, 3, 6], false);
}
// 8 heads and 2 KV heads, scaled rotary frequencies, vocabulary split by rows.
compare("llama3mini, one file", fixture("llama3mini-bf16-mp1"), miniGolden("llama3mini.json"), [1, 4], false);
compare("llama3mini, two files", fixture("llama3mini-bf16-mp2"), miniGolden("llama3mini.json"), EVERY_EIGHT, false);

// The same model in Hugging Face's format, in one file and in three.
const meta = fixture("llama3mini-bf16-mp1");
const hf = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(hf, { recursive: true }));
const { config, tensors } = hfTensors(meta, 768);
for (const [files, worldSizes] of [
  [1, EVERY_EIGHT],
  [3, [2, 3]],
] as const) {
  const dir = writeHfFolder(join(hf, `${files}`), config, tensors, join(meta, "tokenizer.model"), files);
  compare(`llama3mini, Hugging Face, ${files} files`, dir, miniGolden("llama3mini.json"), [...worldSizes], false);
}

// The same in GGUF files, whose metadata has the scaling of Llama 3.1 as factors.
const ggufRoot = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(ggufRoot, { recursive: true }));
for (const [type, parts, worldSizes] of [
  ["BF16", 1, [1, 2, 3]],
  ["F32", 3, [2]],
] as const) {
  const model = ggufModel(meta, 768, type);
  const dir = writeGgufFolder(join(ggufRoot, `3-${parts}`), model, join(meta, "tokenizer.model"), parts);
  compare(`llama3mini, GGUF, ${parts} files`, dir, miniGolden("llama3mini.json"), [...worldSizes], false);
}
const llama1 = fixture("llama1mini-fp16-mp1");
const llama1Model = ggufModel(llama1, 512, "F16");
const llama1Dir = writeGgufFolder(join(ggufRoot, "1"), llama1Model, join(llama1, "tokenizer.model"));
compare("llama1mini, GGUF", join(llama1Dir, "model.gguf"), miniGolden("llama1mini.json"), [1, 2, 3], false);

for (const type of ["fp32", "fp16", "bf16"]) {
  const golden = () =>
    readJson<{ prompts: { text: string; ids: number[]; last_logits: number[]; greedy: { ids: number[] } }[] }>(
      shared(`golden/stories260K-${type}.json`),
    ).prompts.map(({ text, ids, last_logits, greedy }) => ({ text, ids, logits: last_logits, greedyIds: greedy.ids }));
  const folders = withoutShared ? [`stories260K-${type}-mp1`] : readdirSync(shared("ckpt"));
  for (const folder of folders) {
    // The checkpoint that emits </s> has different output.
    const isOfType = new RegExp(`^stories260K-(hf-)?${type}`).test(folder);
    if (!isOfType || folder.endsWith("emits-eos")) continue;
    compare(folder, shared(`ckpt/${folder}`), golden, [1, 2, 4], withoutShared);
  }
}

interface Odd {
  ids: number[];
  last_logits: number[];
}
const odd = readJson<Odd>(fixture("odd/expected.json"));
for (const folder of readdirSync(fixture("odd"))) {
  if (!existsSync(fixture(`odd/${folder}/params.json`))) continue;
  test(`odd folder ${folder}`, async () => {
    const llama = await Llama.build({ ckptDir: fixture(`odd/${folder}`), nprocPerNode: 2 });
    try {
      assert.ok(maxDifference(await llama.logits(odd.ids), odd.last_logits) <= TOLERANCE);
    } finally {
      await llama.close();
    }
  });
}
