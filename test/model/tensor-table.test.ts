import assert from "node:assert/strict";
import { test } from "node:test";
import { MATRICES, type Matrix, matrixPart } from "../../src/model/architecture/matrices.js";
import { partNorms, TENSORS, type TensorKind, tensorTable } from "../../src/model/architecture/tensor-table.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { allLayers, partition } from "../../src/model/split/partition.js";
import { tensorRegion } from "../../src/model/split/rank-region.js";

const KINDS: TensorKind[] = Object.values(TENSORS);
const { config } = presetCheckpoint("3-8B", 2);

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
  for (const { kind, shape, name } of tensorTable(config)) {
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

test("every tensor except the embedding is a norm or belongs to one matrix of its part", () => {
  const matrices: Matrix[] = Object.values(MATRICES);
  for (const kind of KINDS) {
    if (kind === TENSORS.embedding) continue;
    const holders = matrices.filter(({ tensors }) => tensors.includes(kind));
    const norms = partNorms(kind.part).filter((norm) => norm === kind);
    assert.equal(holders.length + norms.length, 1, kind.meta);
    for (const matrix of holders) {
      assert.equal(matrixPart(matrix), kind.part, kind.meta);
      // tensors are stacked along their rows
      assert.equal(matrix.tensors[0].axes[1], kind.axes[1], kind.meta);
    }
  }
});
