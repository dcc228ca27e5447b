import assert from "node:assert/strict";
import { test } from "node:test";
import { MATRICES, type Matrix, matrixPart } from "../../src/model/architecture/matrices.js";
import { partVectors, TENSORS, type TensorKind, tensorTable } from "../../src/model/architecture/tensor-table.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { allLayers, partition } from "../../src/model/split/partition.js";
import { tensorRegion } from "../../src/model/split/rank-region.js";

const KINDS: TensorKind[] = Object.values(TENSORS);
const { config } = presetCheckpoint("3-8B", 2);
/** A config with every tensor of every relative. */
const everything: ModelConfig = { ...config, biases: { qkv: true, wo: true, ffn: true }, headNorms: true };

test("the table has every tensor of every layer once, under Meta's and Hugging Face's names", () => {
  const table = tensorTable(config);
  assert.equal(table.length, 9 * 2 + 3);
  assert.equal(new Set(table.map(({ name }) => name)).size, table.length);
  assert.equal(new Set(table.map(({ hfName }) => hfName)).size, table.length);
  const wanted = [
    ["tok_embeddings.weight", "model.embed_tokens.weight", [128256, 4096]],
    ["layers.1.attention.wk.weight", "model.layers.1.self_attn.k_proj.weight", [1024, 4096]],
    ["layers.0.feed_forward.w2.weight", "model.layers.0.mlp.down_proj.weight", [4096, 14336]],
    ["layers.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight", [4096]],
    ["norm.weight", "model.norm.weight", [4096]],
    ["output.weight", "lm_head.weight", [128256, 4096]],
  ];
  const found = new Map(table.map(({ name, hfName, shape }) => [name, [name, hfName, shape]]));
  for (const row of wanted) assert.deepEqual(found.get(row[0] as string), row);
});

test("a single rank needs the whole of every tensor", () => {
  const [share] = partition(config, 1, allLayers(config));
  for (const { kind, shape, name } of tensorTable(everything)) {
    const { rows, columns } = tensorRegion(kind.axes, config, share!);
    const [height, width] = shape.length === 1 ? [1, shape[0]] : shape;
    assert.deepEqual(
      [rows, columns],
      [
        { start: 0, end: height },
        { start: 0, end: width },
      ],
      name,
    );
  }
});

test("every tensor except the embedding is a norm, or belongs to one matrix of its part", () => {
  const matrices: Matrix[] = Object.values(MATRICES);
  for (const kind of KINDS) {
    if (kind === TENSORS.embedding) continue;
    const holders = matrices.filter(({ tensors, biases }) => [...tensors, ...(biases ?? [])].includes(kind));
    const norms = partVectors(kind.part, everything).filter((vector) => vector === kind && kind.ending === "weight");
    assert.equal(holders.length + norms.length, 1, kind.meta);
    for (const matrix of holders) {
      assert.equal(matrixPart(matrix), kind.part, kind.meta);
      if (kind.ending === "bias") {
        assert.deepEqual(
          matrix.biases?.indexOf(kind),
          matrix.tensors.findIndex(({ meta }) => meta === kind.meta),
        );
        assert.equal(kind.axes[0], matrix.tensors[0].axes[0] === "dim" ? "dim" : kind.axes[0]);
      }
      // tensors are stacked along their rows
      else assert.equal(matrix.tensors[0].axes[1], kind.axes[1], kind.meta);
    }
  }
});

test("a model has the biases and norms of heads that its config names, under the names of each format", () => {
  const added = (variation: Partial<ModelConfig>) => {
    const names = new Set(tensorTable(config).map(({ name }) => name));
    const table = tensorTable({ ...config, nLayers: 1, ...variation });
    return table.filter(({ name }) => !names.has(name)).map(({ hfName, ggufName, shape }) => [hfName, ggufName, shape]);
  };
  const ofLayer = "model.layers.0";
  const none = { qkv: false, wo: false, ffn: false };
  assert.deepEqual(added({}), []);
  assert.deepEqual(added({ headNorms: true }), [
    [`${ofLayer}.self_attn.q_norm.weight`, "blk.0.attn_q_norm.weight", [128]],
    [`${ofLayer}.self_attn.k_norm.weight`, "blk.0.attn_k_norm.weight", [128]],
  ]);
  assert.deepEqual(added({ biases: { ...none, qkv: true } }), [
    [`${ofLayer}.self_attn.q_proj.bias`, "blk.0.attn_q.bias", [4096]],
    [`${ofLayer}.self_attn.k_proj.bias`, "blk.0.attn_k.bias", [1024]],
    [`${ofLayer}.self_attn.v_proj.bias`, "blk.0.attn_v.bias", [1024]],
  ]);
  assert.deepEqual(added({ biases: { ...none, wo: true, ffn: true } }), [
    [`${ofLayer}.self_attn.o_proj.bias`, "blk.0.attn_output.bias", [4096]],
    [`${ofLayer}.mlp.gate_proj.bias`, "blk.0.ffn_gate.bias", [14336]],
    [`${ofLayer}.mlp.down_proj.bias`, "blk.0.ffn_down.bias", [4096]],
    [`${ofLayer}.mlp.up_proj.bias`, "blk.0.ffn_up.bias", [14336]],
  ]);
});
