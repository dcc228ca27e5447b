import assert from "node:assert/strict";
import { cpSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { type Checkpoint, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { openPath } from "../../src/model/checkpoint/open-path.js";
import { readSlice } from "../../src/model/checkpoint/read-slice.js";
import { readHfConfig, resolveHfConfig } from "../../src/model/config/hugging-face-config.js";
import { fixture, shared, withoutShared } from "../folders.js";
import { hfTensors, type StoredTensor, writeHfFolder } from "./hugging-face-folder.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("llama3mini-bf16-mp1");
const tokenizer = join(meta, "tokenizer.model");
const { config, tensors } = hfTensors(meta, 768);
const reader = new TensorReader();
after(() => reader.close());

let count = 0;
function folder(changes: object = {}, stored: StoredTensor[] = tensors, fileCount = 1): string {
  return writeHfFolder(join(root, String(count++)), { ...config, ...changes }, stored, tokenizer, fileCount);
}

function refuses(dir: string, message: RegExp, vocabSize = 768): void {
  assert.throws(() => openCheckpoint(dir, vocabSize), { name: "LlamaError", kind: "model", message });
}

const resolve = (changes: object) => resolveHfConfig(readHfConfig(folder(changes, [])));

describe("a Hugging Face folder", () => {
  const original = openCheckpoint(meta, 768);

  for (const files of [1, 3]) {
    it(`of ${files} files equals the model it was made from, but for the order of rows in wq and wk`, () => {
      const opened = openCheckpoint(folder({}, tensors, files), 768);
      assert.deepEqual(opened.config, { ...original.config, rotation: "halved", contextLength: 2048 });
      assert.deepEqual([...opened.tensors.keys()], [...original.tensors.keys()]);
      assert.deepEqual(
        [opened.shardCount, opened.dtype, opened.parameterCount, opened.byteLength],
        [files, "bf16", original.parameterCount, original.byteLength],
      );
      assert.deepEqual([opened.unexpected, opened.unknownParams], [[], []]);
      for (const [name, tensor] of original.tensors) {
        const [height, width] = tensor.shape.length === 1 ? [1, tensor.shape[0]!] : (tensor.shape as [number, number]);
        const rowsOf = ({ tensors }: Checkpoint) => {
          const numbers = new Float32Array(height * width);
          readSlice(reader, tensors.get(name)!, { start: 0, end: height }, { start: 0, end: width }, numbers);
          return Array.from({ length: height }, (_, row) => numbers.subarray(row * width, (row + 1) * width));
        };
        const [expected, found] = [rowsOf(original), rowsOf(opened)];
        const { headDim } = original.config;
        for (const [row, numbers] of expected.entries()) {
          const inHead = row % headDim;
          const halved = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2);
          assert.deepEqual(found[/\.w[qk]\./.test(name) ? halved : row], numbers, `${name} ${row}`);
        }
      }
    });
  }

  it("may use its embedding as the output matrix", () => {
    const untied = tensors.filter(({ name }) => name !== "lm_head.weight");
    const dir = folder({ tie_word_embeddings: true }, untied);
    const opened = openCheckpoint(dir, 768);
    const [output, embedding] = ["output.weight", "tok_embeddings.weight"].map((name) => opened.tensors.get(name)!);
    assert.deepEqual(output!.pieces, embedding!.pieces);
    assert.equal(opened.parameterCount, original.parameterCount - 768 * 64);
    refuses(folder({}, untied), /missing tensor lm_head\.weight.*tie_word_embeddings/);
  });

  it("may have tensors that are not used", () => {
    const extra = (name: string) => ({ name, shape: [1], data: new Uint8Array(2) });
    const dir = folder({}, [...tensors, extra("model.layers.0.self_attn.rotary_emb.inv_freq"), extra("lora.a")]);
    assert.deepEqual(openCheckpoint(dir, 768).unexpected, ["lora.a"]);
  });

  it("is rejected if tensors are missing, duplicated or of another shape", () => {
    refuses(folder({}, tensors.slice(1)), /missing tensor model\.embed_tokens\.weight/);
    refuses(folder({ num_hidden_layers: 4 }), /missing tensor model\.layers\.3\./);
    refuses(
      folder({ intermediate_size: 100 }),
      /gate_proj\.weight: shape does not fit config\.json; expected \[100, 64\]/,
    );
    const dir = folder({}, tensors, 2);
    cpSync(join(dir, "model-00001-of-00002.safetensors"), join(dir, "model-00002-of-00002.safetensors"));
    refuses(dir, /is also in another file/);
    refuses(folder({ vocab_size: 770 }), /embed_tokens\.weight: shape does not fit config\.json; expected \[770, 64\]/);
  });
});

describe("the files of a Hugging Face folder", () => {
  const names = (dir: string) => openPath(dir).files.map((file) => basename(file));

  it("are in transformers' order: the single file before an index, safetensors before .bin, other names last", () => {
    const dir = folder();
    const index = (file: string) => JSON.stringify({ metadata: {}, weight_map: { a: file } });
    for (const [name, text] of [
      ["model.safetensors.index.json", index("model-00001-of-00001.safetensors")],
      ["model-00001-of-00001.safetensors", ""],
      ["pytorch_model.bin", ""],
      ["pytorch_model.bin.index.json", index("pytorch_model-00001-of-00001.bin")],
      ["pytorch_model-00001-of-00001.bin", ""],
      ["mine.safetensors", ""],
      ["adapter_model.safetensors", ""],
    ] as const) {
      writeFileSync(join(dir, name), text);
    }
    const order: string[] = [];
    const remove = (...removed: string[]) => {
      order.push(names(dir).join());
      for (const name of removed) unlinkSync(join(dir, name));
    };
    remove("model.safetensors");
    remove("model.safetensors.index.json", "model-00001-of-00001.safetensors");
    remove("pytorch_model.bin");
    remove("pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin");
    remove("mine.safetensors");
    assert.deepEqual(order, [
      "model.safetensors",
      "model-00001-of-00001.safetensors",
      "pytorch_model.bin",
      "pytorch_model-00001-of-00001.bin",
      "mine.safetensors",
    ]);
    // An adapter alone is not a model.
    refuses(dir, /no checkpoint files found/);
  });

  it("may be named by config.json", () => {
    const dir = folder({ transformers_weights: "mine.safetensors" });
    writeFileSync(join(dir, "mine.safetensors"), "");
    assert.deepEqual(names(dir), ["mine.safetensors"]);
    refuses(folder({ transformers_weights: "../model.safetensors" }), /bad transformers_weights/);
    refuses(folder({ transformers_weights: "none.safetensors" }), /none\.safetensors is missing/);
  });

  it("are the files in the index", () => {
    const dir = folder({}, tensors, 2);
    writeFileSync(join(dir, "another.safetensors"), "");
    assert.deepEqual(names(dir), ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]);
    unlinkSync(join(dir, "model-00002-of-00002.safetensors"));
    refuses(dir, /model-00002-of-00002\.safetensors is missing/);
  });

  it("are all parts of a set if there is no index", () => {
    const dir = folder({}, tensors, 2);
    unlinkSync(join(dir, "model.safetensors.index.json"));
    assert.equal(names(dir).length, 2);
    unlinkSync(join(dir, "model-00001-of-00002.safetensors"));
    refuses(dir, /model-00001-of-00002\.safetensors is missing/);
  });

  it("are PyTorch's files if there are no others", () => {
    const dir = folder();
    cpSync(join(meta, "consolidated.00.pth"), join(dir, "pytorch_model.bin"));
    writeFileSync(join(dir, "training_args.bin"), "");
    assert.deepEqual(names(dir), ["model.safetensors"]);
    unlinkSync(join(dir, "model.safetensors"));
    assert.deepEqual(names(dir), ["pytorch_model.bin"]);
    // It is opened as a .pth file: here one of Meta's files with this name.
    refuses(dir, /missing tensor model\.embed_tokens\.weight/);
    renameSync(join(dir, "pytorch_model.bin"), join(dir, "pytorch_model-00001-of-00002.bin"));
    refuses(dir, /pytorch_model-00002-of-00002\.bin is missing/);
  });

  it("may be one file of any name, but not several", () => {
    const dir = folder();
    renameSync(join(dir, "model.safetensors"), join(dir, "mine.safetensors"));
    assert.deepEqual(names(dir), ["mine.safetensors"]);
    writeFileSync(join(dir, "other.safetensors"), "");
    refuses(dir, /several \.safetensors files and no index/);
  });

  it("are never outside the folder", () => {
    const dir = folder();
    unlinkSync(join(dir, "model.safetensors"));
    for (const name of ["../../etc/passwd", "/etc/passwd", "sub/model.safetensors", "..\\model.safetensors", "", 3]) {
      writeFileSync(join(dir, "model.safetensors.index.json"), JSON.stringify({ weight_map: { a: name } }));
      refuses(dir, /weight_map names a file that cannot be a weight file/);
    }
    writeFileSync(join(dir, "model.safetensors.index.json"), "{}");
    refuses(dir, /weight_map: must be a JSON object/);
  });

  it("are ignored if there are Meta's files", () => {
    const dir = folder();
    cpSync(meta, dir, { recursive: true });
    assert.equal(openPath(dir).format, "Meta");
    unlinkSync(join(dir, "params.json"));
    assert.equal(openPath(dir).format, "Hugging Face");
    assert.throws(() => openPath(root), /no checkpoint files found in .*Did you mean/);
  });
});

describe("config.json", () => {
  it("has the defaults of transformers", () => {
    const { normEps, ropeTheta, ropeScaling, nKvHeads, headDim } = resolve({
      rms_norm_eps: undefined,
      rope_theta: undefined,
      rope_scaling: null,
      num_key_value_heads: undefined,
    });
    assert.deepEqual([normEps, ropeTheta, ropeScaling, nKvHeads, headDim], [1e-6, 10000, null, 8, 8]);
    assert.equal(resolve({ head_dim: 32 }).headDim, 32);
  });

  it("has the settings of rotation at the old place or the new one", () => {
    const scaling = {
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const expected = { kind: "llama3", factor: 32, lowFreqFactor: 1, highFreqFactor: 4, oldContext: 8192 };
    assert.deepEqual(resolve({ rope_scaling: { type: "llama3", ...scaling } }).ropeScaling, expected);
    const newer = resolve({
      rope_theta: undefined,
      rope_scaling: undefined,
      rope_parameters: { rope_type: "llama3", rope_theta: 500000, ...scaling },
    });
    assert.deepEqual([newer.ropeTheta, newer.ropeScaling], [500000, expected]);
    const plain = resolve({ rope_scaling: undefined, rope_parameters: { rope_type: "default", rope_theta: 7 } });
    assert.deepEqual([plain.ropeTheta, plain.ropeScaling], [7, null]);
  });

  it("names keys that are not known", () => {
    assert.deepEqual(readHfConfig(folder({ my_note: 1 }, [])).unknownKeys, ["my_note"]);
  });

  const wrong: [object, RegExp][] = [
    [{ model_type: "gpt2" }, /model_type "gpt2" is not supported; expected one of llama, mistral/],
    [{ model_type: undefined }, /has no model_type/],
    [{ attention_bias: true }, /missing tensor model\.layers\.0\.self_attn\.q_proj\.bias/],
    [{ mlp_bias: true }, /missing tensor model\.layers\.0\.mlp\.gate_proj\.bias/],
    [{ hidden_act: "gelu" }, /bad hidden_act; expected silu, found "gelu"/],
    [{ rope_scaling: { rope_type: "longrope", factor: 2 } }, /rope scaling of type "longrope" is not supported/],
    [{ rope_scaling: { rope_type: "llama3", factor: 8 } }, /rope_scaling: bad low_freq_factor; .*found no value/],
    [{ hidden_size: -16 }, /bad hidden_size/],
    [{ hidden_size: 60 }, /bad num_attention_heads; expected a divisor of hidden_size 60/],
    [{ num_key_value_heads: 3 }, /bad num_key_value_heads; expected a divisor of num_attention_heads 8/],
    [{ head_dim: 7 }, /bad head_dim; expected an even number/],
    [{ num_hidden_layers: 1e9 }, /bad num_hidden_layers/],
    [{ intermediate_size: "48" }, /bad intermediate_size.*found "48"/],
    [{ tie_word_embeddings: "yes" }, /bad tie_word_embeddings/],
  ];
  for (const [changes, message] of wrong) {
    it(`rejects ${JSON.stringify(changes)}`, () => refuses(folder(changes), message));
  }
});

for (const [name, message] of [
  ["hf-header-too-long", /ends within its header/],
  ["hf-header-not-json", /header is not JSON/],
  ["hf-offsets-outside", /tensor is outside the file/],
  ["hf-dtype-unknown", /unsupported dtype.*F8_E4M3/],
  ["hf-index-path-escape", /without a path/],
  ["hf-other-arch", /model_type "gpt2" is not supported/],
] as const) {
  it(`rejects ${name}`, { skip: withoutShared }, () => refuses(shared(`bad/${name}`), message, 512));
}
