import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { ropeFrequencies } from "../../src/model/architecture/rope.js";
import { type Checkpoint, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { readSlice } from "../../src/model/checkpoint/read-slice.js";
import { findRelease } from "../../src/model/sizes/releases.js";
import { fixture } from "../folders.js";
import { type GgufTensor, ggufBytes } from "../formats/gguf-file.js";
import { type GgufModel, ggufModel, ggufTensor, partName, writeGgufFolder } from "./gguf-model.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("llama3mini-bf16-mp1");
const original = openCheckpoint(meta, 768);
const model = ggufModel(meta, 768, "BF16");
const plain: GgufModel = { ...model, tensors: model.tensors.filter(({ name }) => name !== "rope_freqs.weight") };

let count = 0;
const newDir = () => join(root, String(count++));
/** The path of a file with changed metadata (undefined: no such key) and tensors. */
function file(changes: Record<string, unknown> = {}, tensors: GgufTensor[] = plain.tensors): string {
  const metadata = new Map([...model.metadata, ...Object.entries(changes)].filter(([, value]) => value !== undefined));
  for (const [key, value] of Object.entries(changes)) if (value === undefined) metadata.delete(key);
  return join(writeGgufFolder(newDir(), { metadata, tensors }, null), "model.gguf");
}
function refuses(path: string, message: RegExp): void {
  assert.throws(() => openCheckpoint(path, 768), { name: "LlamaError", kind: "model", message });
}
const configOf = (changes: Record<string, unknown>) => openCheckpoint(file(changes), 768).config;
const float = (value: number) => ({ type: "float32", value });
const replace = (name: string, tensor: GgufTensor) => plain.tensors.map((old) => (old.name === name ? tensor : old));

function numbersOf({ tensors }: Checkpoint, name: string): Float32Array {
  const tensor = tensors.get(name)!;
  const [height, width] = tensor.shape.length === 1 ? [1, tensor.shape[0]!] : (tensor.shape as [number, number]);
  const numbers = new Float32Array(height * width);
  const reader = new TensorReader();
  readSlice(reader, tensor, { start: 0, end: height }, { start: 0, end: width }, numbers);
  reader.close();
  return numbers;
}

describe("a GGUF file", () => {
  for (const [parts, what] of [
    [1, "one file"],
    [3, "three parts"],
  ] as const) {
    it(`of ${what} equals the model it was made from`, () => {
      const dir = writeGgufFolder(newDir(), model, null, parts);
      const first = parts === 1 ? "model.gguf" : partName(0, parts);
      // a folder, a file, and any part of a set
      for (const path of [dir, join(dir, first), ...(parts === 1 ? [] : [join(dir, partName(2, parts))])]) {
        const opened = openCheckpoint(path, 768);
        const { ropeScaling } = opened.config;
        assert.deepEqual(opened.config, { ...original.config, ropeScaling, contextLength: 2048 });
        assert.deepEqual([opened.dir, opened.shardCount, opened.dtype], [join(dir, first), parts, "bf16"]);
        assert.equal(opened.parameterCount, original.parameterCount);
        for (const name of original.tensors.keys()) {
          assert.deepEqual(numbersOf(opened, name), numbersOf(original, name), name);
        }
      }
    });
  }

  it("may have any name if it begins like one", () => {
    const path = join(newDir().concat("-blob"), "sha256-0123");
    mkdirSync(join(path, ".."));
    writeFileSync(path, ggufBytes(model.metadata, model.tensors));
    assert.equal(openCheckpoint(path, 768).format, "GGUF");
  });

  it("that does not exist is named as a file", () => {
    refuses(join(root, "nowhere.gguf"), /nowhere\.gguf: no such file$/);
  });

  it("without an output matrix uses its embedding", () => {
    const tensors = plain.tensors.filter(({ name }) => name !== "output.weight");
    const opened = openCheckpoint(file({}, tensors), 768);
    assert.deepEqual(numbersOf(opened, "output.weight"), numbersOf(original, "tok_embeddings.weight"));
    assert.equal(opened.parameterCount, original.parameterCount - 768 * 64);
  });

  it("has the factors of Llama 3.1's frequencies in a tensor", () => {
    const { config } = openCheckpoint(writeGgufFolder(newDir(), model, null), 768);
    const [found, expected] = [ropeFrequencies(config), ropeFrequencies(original.config)];
    for (const [pair, frequency] of expected.entries()) {
      assert.ok(Math.abs(found[pair]! / frequency - 1) < 1e-6, `${pair}: ${found[pair]} and ${frequency}`);
    }
    const shape = { ...config, dim: 4096, nLayers: 32, nHeads: 32, nKvHeads: 8, ffnDim: 14336, vocabSize: 128256 };
    assert.equal(findRelease({ ...shape, ropeTheta: 5e5 })?.name, "Llama 3.1 8B");
  });

  it("has defaults where llama.cpp has", () => {
    const { nHeads, headDim } = original.config;
    const absent = { "llama.rope.freq_base": undefined, "llama.attention.head_count_kv": undefined };
    const wide = plain.tensors.map((tensor) => {
      if (!/attn_[kv]\.weight/.test(tensor.name)) return tensor;
      return ggufTensor(tensor.name, [nHeads * headDim, 64], new Float32Array(nHeads * headDim * 64), "F32");
    });
    const { config } = openCheckpoint(file({ ...absent, "llama.context_length": undefined }, wide), 768);
    assert.deepEqual([config.ropeTheta, config.nKvHeads, config.contextLength], [10000, nHeads, null]);
    // one value for each layer
    const lists = { "llama.feed_forward_length": Array(original.config.nLayers).fill(original.config.ffnDim) };
    assert.equal(configOf(lists).ffnDim, original.config.ffnDim);
  });

  it("may scale rotation", () => {
    const scaling = (changes: Record<string, unknown>) => {
      const keys = Object.entries(changes).map(([key, value]) => [`llama.rope.${key}`, value]);
      return configOf(Object.fromEntries(keys)).ropeScaling;
    };
    assert.equal(scaling({}), null);
    assert.equal(scaling({ "scaling.type": "none", "scaling.factor": float(4) }), null);
    assert.equal(scaling({ "scaling.type": "linear", "scaling.factor": float(0) }), null);
    assert.deepEqual(scaling({ "scaling.type": "linear", "scaling.factor": float(4) }), { kind: "linear", factor: 4 });
    assert.deepEqual(scaling({ scale_linear: float(2) }), { kind: "linear", factor: 2 });
    const yarn = {
      ...{ kind: "yarn", factor: 4, betaFast: 32, betaSlow: 1, isTruncated: true },
      ...{ attentionFactor: 0.1 * Math.log(4) + 1, oldContext: 512 },
    };
    const yarnKeys = { "scaling.type": "yarn", "scaling.factor": float(4), "scaling.original_context_length": 512 };
    assert.deepEqual(scaling(yarnKeys), yarn);
    assert.deepEqual(scaling({ ...yarnKeys, "scaling.attn_factor": float(0.5), "scaling.yarn_beta_fast": float(16) }), {
      ...{ ...yarn, betaFast: 16, attentionFactor: 0.5 * yarn.attentionFactor },
    });
    assert.throws(() => scaling({ "scaling.type": "longrope", "scaling.factor": float(4) }), /"longrope" is not supp/);
    assert.throws(() => scaling({ ...yarnKeys, "scaling.yarn_ext_factor": float(0) }), /bad rope.scaling.yarn_ext_fac/);
    const both = { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": float(4) };
    refuses(file(both, model.tensors), /rope_freqs.weight: rotation is scaled in two ways/);
    const factors = (...numbers: number[]) =>
      ggufTensor("rope_freqs.weight", [numbers.length], Float32Array.from(numbers), "F32");
    refuses(file({}, [...plain.tensors, factors(1, 2)]), /rope_freqs.weight: has the wrong size; expected 4 numbers/);
    refuses(file({}, [...plain.tensors, factors(1, 0, 1, 1)]), /rope_freqs.weight: has a bad factor/);
  });

  it("of another kind is named", () => {
    refuses(file({ "general.type": "adapter" }), /is an adapter \(LoRA\) and not a whole model\. Merge it/);
    refuses(file({ "general.type": "imatrix" }), /is an importance matrix/);
    refuses(file({ "general.architecture": "clip" }), /is the vision or audio part of a model \(mmproj\)/);
    refuses(file({ "general.type": "mmproj", "general.architecture": "clip" }), /\(mmproj\)/);
    refuses(file({ "general.architecture": "gemma3" }), /architecture gemma3 is not supported; expected llama/);
    refuses(file({ "general.architecture": undefined }), /has no general.architecture/);
    refuses(file({}, []), /has no tensors: it is a vocabulary without a model/);
    refuses(
      file({ "llama.expert_count": 8 }),
      /llama.expert_count 8 means a mixture of experts, which is not supported/,
    );
    assert.equal(configOf({ "llama.expert_count": 0 }).dim, 64);
    refuses(file({ "llama.attention.causal": false }), /attention.causal false means attention to later tokens/);
    refuses(file({ "llama.final_logit_softcapping": float(30) }), /means capped logits/);
  });

  it("with bad metadata is refused", () => {
    refuses(file({ "llama.block_count": undefined }), /bad block_count; expected a positive integer.*found no value/);
    refuses(file({ "llama.block_count": "4" }), /bad block_count/);
    refuses(file({ "llama.embedding_length": 0 }), /bad embedding_length/);
    refuses(file({ "llama.attention.head_count": 7 }), /bad attention.head_count; expected a divisor of/);
    refuses(
      file({ "llama.attention.head_count_kv": 3 }),
      /bad attention.head_count_kv; expected a divisor of head_count/,
    );
    refuses(file({ "llama.attention.head_count": [8, 4, 8, 8] }), /bad attention.head_count.*found a list of 4/);
    refuses(file({ "llama.rope.dimension_count": 4 }), /bad rope.dimension_count; expected 8, the size of a head/);
    refuses(file({ "llama.attention.key_length": 7 }), /bad attention.key_length; expected an even number/);
    refuses(file({ "llama.attention.value_length": 16 }), /bad attention.value_length; expected 8/);
    refuses(file({ "llama.attention.layer_norm_rms_epsilon": undefined }), /bad attention.layer_norm_rms_epsilon/);
    refuses(file({ "llama.rope.freq_base": float(Number.NaN) }), /bad rope.freq_base/);
    refuses(file({ "llama.context_length": 0 }), /bad context_length/);
    const { unknownParams } = openCheckpoint(file({ "llama.new_thing": 3 }), 768);
    assert.deepEqual(unknownParams, ["llama.new_thing"]);
  });

  it("with missing, unknown, unreadable or misshapen tensors is refused", () => {
    const without = plain.tensors.filter(({ name }) => name !== "blk.1.ffn_up.weight");
    refuses(file({}, without), /missing tensor blk\.1\.ffn_up\.weight/);
    const vector = (name: string) => ggufTensor(name, [64], new Float32Array(64), "F32");
    refuses(
      file({}, [...plain.tensors, vector("blk.0.attn_sub_norm.weight")]),
      /does not have; found blk.0.attn_sub_n/,
    );
    refuses(file({}, [...plain.tensors, vector("blk.0.ffn_gate_exps.weight")]), /is a mixture of experts/);
    assert.equal(openCheckpoint(file({}, [...plain.tensors, vector("blk.0.attn_rot_embd.weight")]), 768).dtype, "bf16");
    const wrong = ggufTensor("output_norm.weight", [32], new Float32Array(32), "F32");
    refuses(
      file({}, replace("output_norm.weight", wrong)),
      /output_norm.weight: shape does not fit the metadata.*\[64\]/,
    );
    const shape = [original.config.ffnDim, 64];
    const iq = (name: string, type: GgufTensor["type"]) => ({ name, type, shape, data: new Uint8Array(99) });
    const unreadable = replace("blk.1.ffn_up.weight", iq("blk.1.ffn_up.weight", "IQ2_XXS"));
    refuses(file({}, unreadable), /blk.1.ffn_up.weight: type IQ2_XXS is not supported; expected F32, .*Q4_K_M/);
    const two = unreadable.map((old) => (old.name === "blk.0.ffn_up.weight" ? iq(old.name, 99) : old));
    refuses(file({}, two), /blk.0.ffn_up.weight and 1 other tensor: type number 99, IQ2_XXS is not supported/);
  });
});

describe("a folder of GGUF files", () => {
  const names = (dir: string, ...files: string[]) => {
    mkdirSync(dir, { recursive: true });
    for (const name of files) writeFileSync(join(dir, name), ggufBytes(plain.metadata, plain.tensors));
    return dir;
  };

  it("may have companions of the model", () => {
    const dir = names(newDir(), "a.gguf", "mmproj-a-f16.gguf", "a.imatrix.gguf", ".hidden.gguf");
    assert.equal(openCheckpoint(dir, 768).dir, join(dir, "a.gguf"));
  });

  it("with several models is refused with their names", () => {
    const dir = names(newDir(), "b-Q8_0.gguf", "a-Q4_K_M.gguf");
    refuses(
      dir,
      /has several GGUF models; .*found a-Q4_K_M\.gguf, b-Q8_0\.gguf\. Name one of them, for example .*a-Q4_K/,
    );
    const both = writeGgufFolder(newDir(), plain, null, 2);
    names(both, "c.gguf");
    refuses(both, /found c\.gguf, model-00001-of-00002\.gguf/);
  });

  it("without a part of a model, or with one of another model, is refused", () => {
    const dir = writeGgufFolder(newDir(), plain, null, 3);
    renameSync(join(dir, partName(1, 3)), join(dir, "x"));
    refuses(dir, /model-00002-of-00003\.gguf: no such file/);
    cpSync(join(dir, partName(2, 3)), join(dir, partName(1, 3)));
    refuses(
      dir,
      /00002-of-00003\.gguf: is not the part of a split model that its name says; expected part 2 of 3, found part 3/,
    );
    const whole = names(newDir(), partName(0, 2), partName(1, 2));
    refuses(whole, /expected part 1 of 2, found a whole model/);
    cpSync(join(dir, partName(0, 3)), join(dir, "single.gguf"));
    refuses(join(dir, "single.gguf"), /expected a whole model, found part 1 of 3\. Give its parts their own names/);
  });
});
