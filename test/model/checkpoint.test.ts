import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { LlamaError } from "../../src/error.js";
import { tensorTable } from "../../src/model/architecture/tensor-table.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { demo, fixture, shared, withoutShared } from "../folders.js";

const temporary = mkdtempSync(join(tmpdir(), "llama-checkpoint-"));
after(() => rmSync(temporary, { recursive: true }));

/** A new folder with copies of files of the two-shard fixture; `files` maps their new names to their old ones. */
function folder(name: string, files: Record<string, string>) {
  const dir = join(temporary, name);
  mkdirSync(dir);
  for (const [to, from] of Object.entries(files)) cpSync(fixture(`odd/mp2/${from}`), join(dir, to));
  return dir;
}

function refuses(dir: string, pattern: RegExp, vocabSize = 512) {
  assert.throws(
    () => openCheckpoint(dir, vocabSize),
    (error) => {
      assert.ok(error instanceof LlamaError, String((error as Error).stack));
      assert.equal(error.kind, "model");
      assert.doesNotMatch(error.message, /\n/);
      assert.match(error.message, pattern);
      return true;
    },
  );
}

describe("openCheckpoint", () => {
  const good = [
    "odd/base-valid",
    "odd/deflated",
    "odd/one-shared-storage",
    "odd/mixed-dtypes",
    "odd/key-order-shuffled",
    "odd/params-bom-crlf",
    "odd/params-null-kv",
    "odd/params-unknown-key",
    "odd/mp2",
    "odd/mp2-with-other-files",
    "llama1mini-fp16-mp1",
    "llama1mini-fp16-mp2",
  ];
  for (const name of good) {
    it(`opens ${name}`, () => {
      const checkpoint = openCheckpoint(fixture(name), 512);
      assert.equal(checkpoint.shardCount, name.includes("mp2") ? 2 : 1);
      assert.equal(checkpoint.dtype, "fp16");
      assert.deepEqual(checkpoint.unexpected, []);
      assert.deepEqual(checkpoint.unknownParams, name.endsWith("unknown-key") ? ["my_note"] : []);
      const names = tensorTable(checkpoint.config).map((spec) => spec.name);
      assert.deepEqual([...checkpoint.tensors.keys()], names);
      assert.deepEqual(structuredClone(checkpoint), checkpoint);
    });
  }

  it("opens the same model from one file and from two", () => {
    const whole = openCheckpoint(demo, 2048);
    const halves = openCheckpoint(join(demo, "mp2"), 2048);
    assert.deepEqual(halves.config, whole.config);
    assert.equal(halves.parameterCount, whole.parameterCount);
    assert.equal(whole.tensors.get("output.weight")!.axis, null);
    assert.equal(halves.tensors.get("output.weight")!.axis, 0);
    assert.equal(halves.tensors.get("layers.0.attention.wo.weight")!.axis, 1);
    assert.equal(halves.tensors.get("norm.weight")!.axis, null);
  });

  it("names the tokenizer when the vocabulary differs", () => {
    const dir = fixture("llama1mini-fp16-mp2");
    refuses(dir, /output\.weight: vocabulary.*tokenizer.*expected 513 rows.*found 512/, 513);
    refuses(fixture("odd/base-valid"), /vocab_size does not match the tokenizer; expected 513.*found 512/, 513);
  });

  it("names what is missing in a folder", () => {
    refuses(join(temporary, "none"), /none: checkpoint folder does not exist/);
    refuses(fixture("own512.model"), /is neither a folder nor a GGUF file.*Name the folder/);
    refuses(folder("empty", {}), /^no checkpoint files found in .*empty$/);
    refuses(folder("no-params", { "consolidated.00.pth": "consolidated.00.pth" }), /params\.json: file is missing/);
    const parent = folder("parent", { "params.json": "params.json", "._consolidated.00.pth": "params.json" });
    mkdirSync(join(parent, "7B"));
    writeFileSync(join(parent, "7B", "consolidated.00.pth"), "");
    refuses(parent, /no checkpoint files found in .*parent\. Did you mean .*7B\?/);
    const other = folder("other", { "model.safetensors": "params.json" });
    refuses(other, /config\.json: file is missing.*Hugging Face/);
  });

  it("names missing shards", () => {
    const first = { "params.json": "params.json", "consolidated.00.pth": "consolidated.00.pth" };
    refuses(folder("one-of-two", first), /wrong number of shards.*expected 2 shards.*found 1/);
    const gap = { ...first, "consolidated.02.pth": "consolidated.01.pth" };
    refuses(
      folder("gap", gap),
      /shard consolidated\.01\.pth is missing; found consolidated\.00\.pth, consolidated\.02\.pth/,
    );
    const late = { "params.json": "params.json", "consolidated.01.pth": "consolidated.01.pth" };
    refuses(folder("late", late), /shard consolidated\.00\.pth is missing/);
  });

  it("reads files with other names in the order of their names", () => {
    const dir = folder("named", {
      "params.json": "params.json",
      "b.pth": "consolidated.01.pth",
      "a.pth": "consolidated.00.pth",
    });
    const { pieces } = openCheckpoint(dir, 512).tensors.get("output.weight")!;
    assert.deepEqual(
      pieces.map(({ entry }) => entry.storage.file),
      [join(dir, "a.pth"), join(dir, "b.pth")],
    );
  });
});

describe("openCheckpoint on damaged folders", { skip: withoutShared }, () => {
  const cases: [string, RegExp][] = [
    ["no-pth", /^no checkpoint files found in /],
    ["params-empty", /params\.json: is not valid JSON/],
    ["params-array", /params\.json: must be a JSON object/],
    ["params-null", /params\.json: must be a JSON object/],
    ["params-no-n_layers", /bad n_layers/],
    ["params-negative-dim", /bad dim.*-16/],
    ["params-zero-layers", /bad n_layers/],
    ["params-fraction-dim", /bad dim.*16\.5/],
    ["params-huge", /bad dim/],
    ["params-huge-layers", /bad n_layers/],
    ["params-odd-head-dim", /even head size/],
    ["params-kv-zero", /bad n_kv_heads/],
    ["params-kv-more", /bad n_kv_heads/],
    ["params-multiple-zero", /bad multiple_of/],
    ["params-ffn-mult-string", /bad ffn_dim_multiplier/],
    ["params-eps-negative", /bad norm_eps/],
    ["params-theta-zero", /bad rope_theta/],
    ["params-moe", /mixture of experts.*not supported/],
    ["params-quantized", /quantised.*not supported/],
    ["params-layers-more", /missing tensor layers\.2\..*n_layers 3, but the file has 2 layers/],
    ["tensor-missing-output", /missing tensor output\.weight/],
    ["tensor-overlapping-keys", /missing tensor layers\.0\.attention\.wq\.weight.*unknown layers\.00\./],
    ["tensor-transposed", /w1\.weight: shape does not fit.*expected \[48, 16\], found \[16, 48\]/],
    ["tensor-zero-dim", /norm\.weight: shape does not fit.*expected \[16\], found \[\]/],
    ["tensor-size-bomb", /./],
    ["shard-01-missing", /wrong number of shards.*expected 2 shards.*found 1/],
    ["shard-gap", /consolidated\.01\.pth is missing/],
    ["shard-three", /./],
    ["shard-mixed-mp", /different splits are mixed/],
    ["shard-dtype-differ", /different element types/],
    ["shard-01-truncated", /consolidated\.01\.pth/],
  ];
  for (const [name, pattern] of cases) {
    it(`rejects ${name}`, () => refuses(shared(`bad/${name}`), pattern));
  }

  it("rejects a tokenizer of another size", () => {
    refuses(shared("bad/tok-more-pieces"), /tokenizer.*513.*512/, 513);
  });

  for (const [name, pattern] of [
    ["tensor-extra", /lora/],
    ["params-layers-fewer", /layers\.1\./],
    ["pickle-proto-pollution", /__proto__/],
  ] as const) {
    it(`lists the tensors it ignores in ${name}`, () => {
      assert.match(openCheckpoint(shared(`bad/${name}`), 512).unexpected.join(" "), pattern);
    });
  }

  for (const [name, vocabSize, axis] of [
    ["stories260K-fp32-mp4", 512, 1],
    ["stories260K-fp16-mp2-ropefreqs", 512, 1],
    ["stories260K-bf16-mp2-vocabemb", 512, 0],
    ["llama3mini-bf16-mp2", 768, 0],
  ] as const) {
    it(`recognises how ${name} splits the embedding`, () => {
      const { tensors, unexpected } = openCheckpoint(shared(`ckpt/${name}`), vocabSize);
      assert.equal(tensors.get("tok_embeddings.weight")!.axis, axis);
      assert.deepEqual(unexpected, []);
    });
  }
});
