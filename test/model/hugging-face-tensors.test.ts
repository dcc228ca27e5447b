import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Checkpoint, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { fixture } from "../folders.js";
import { hfTensors, renamedPth, type StoredTensor, writeHfFolder } from "./hugging-face-folder.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("llama3mini-bf16-mp1");
const tokenizer = join(meta, "tokenizer.model");
const { config, tensors } = hfTensors(meta, 768);

let count = 0;
function folder(stored: readonly StoredTensor[], changes: object = {}, fileCount = 1): string {
  return writeHfFolder(join(root, String(count++)), { ...config, ...changes }, stored, tokenizer, fileCount);
}

function refuses(dir: string, message: RegExp): void {
  assert.throws(() => openCheckpoint(dir, 768), { name: "LlamaError", kind: "model", message });
}

const renamed = (change: (name: string) => string) =>
  tensors.map((tensor) => ({ ...tensor, name: change(tensor.name) }));
/** The name in the file of a tensor of the model. */
const storedName = ({ tensors: found }: Checkpoint, name: string) => found.get(name)!.pieces[0]!.entry.name;
const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

describe("names of Hugging Face's tensors", () => {
  for (const [what, change] of [
    ["without the prefix of the base model", (name) => name.replace(/^model\./, "")],
    ["with the prefix twice", (name) => `model.${name}`],
    ["with the prefix only where it does not belong", (name) => (name === HEAD ? `model.${HEAD}` : name)],
  ] as [string, (name: string) => string][]) {
    it(`may be ${what}`, () => {
      const opened = openCheckpoint(folder(renamed(change), {}, 2), 768);
      assert.deepEqual([opened.unexpected, opened.remarks], [[], []]);
      assert.equal(
        storedName(opened, "layers.0.attention.wq.weight"),
        change("model.layers.0.self_attn.q_proj.weight"),
      );
    });
  }

  it("may not be there with the prefix and without it", () => {
    const twice = [...tensors, { ...tensors[0]!, name: "embed_tokens.weight" }];
    refuses(folder(twice), /embed_tokens\.weight: tensor is there twice; found model\.embed_tokens\.weight/);
  });

  it("are shown if those of the model are missing, with what they mean", () => {
    refuses(
      folder(renamed((name) => `_orig_mod.${name}`)),
      /missing tensor model\.embed_tokens\.weight, .* found unknown _orig_mod\.model\.embed_tokens\.weight, .*The names begin with _orig_mod\.,/,
    );
    refuses(folder(renamed((name) => `module.${name}`)), /The names begin with module\.,/);
    refuses(
      folder(renamed((name) => name.replace("q_proj.weight", "q_proj.qweight"))),
      /missing tensor model\.layers\.0\.self_attn\.q_proj\.weight.*found unknown .*qweight.*quantised by AWQ or GPTQ/,
    );
    refuses(folder(tensors, { num_hidden_layers: 9 }), /num_hidden_layers 9, but the files have 3 layers/);
  });
});

describe("tensors that the model does not use", () => {
  const other = (name: string, dtype: string, bytes: number): StoredTensor => {
    return { name, dtype, shape: [2], data: new Uint8Array(bytes) };
  };

  it("may be of any type", () => {
    const names = ["BOOL", "I64", "U8", "F8_E4M3", "C64", "F4"];
    const unused = names.map((dtype, i) => other(`buffer.${dtype}`, dtype, [2, 16, 2, 2, 16, 1][i]!));
    const opened = openCheckpoint(folder([...unused, ...tensors]), 768);
    assert.deepEqual(
      opened.unexpected,
      names.map((dtype) => `buffer.${dtype}`),
    );
  });

  it("may be of any type in .bin files, or no tensors", () => {
    const dir = folder([]);
    unlinkSync(join(dir, "model.safetensors"));
    writeFileSync(join(dir, "pytorch_model-00001-of-00002.bin"), renamedPth(join(meta, "consolidated.00.pth")));
    copyFileSync(fixture("odd-types.bin"), join(dir, "pytorch_model-00002-of-00002.bin"));
    const names = ["kept", "last", "mask", "ids", "bytes", "f8", "u16", "c", "step", "name"];
    assert.deepEqual(openCheckpoint(dir, 768).unexpected, names);
  });

  it("are an error if the model needs them", () => {
    const changed = tensors.map((tensor) => {
      if (tensor.name !== "model.norm.weight") return tensor;
      return { ...tensor, dtype: "F8_E4M3", data: new Uint8Array(64) };
    });
    refuses(folder(changed), /model\.norm\.weight: unsupported dtype; expected F16, .* found F8_E4M3/);
  });
});

describe("a tied output matrix", () => {
  const tied = { tie_word_embeddings: true };
  const without = (name: string) => tensors.filter((tensor) => tensor.name !== name);
  const used = (stored: readonly StoredTensor[]) => {
    const opened = openCheckpoint(folder(stored, tied), 768);
    assert.deepEqual(opened.unexpected, []);
    return { names: ["tok_embeddings.weight", "output.weight"].map((name) => storedName(opened, name)), opened };
  };

  it("is the embedding, if there is no other or it is the same", () => {
    const embedding = tensors.find(({ name }) => name === EMBEDDING)!;
    for (const head of [[], [{ ...embedding, name: HEAD }]]) {
      const { names, opened } = used([...without(HEAD), ...head]);
      assert.deepEqual([names, opened.remarks], [[EMBEDDING, EMBEDDING], []]);
    }
  });

  it("is the file's own where its numbers differ, with a remark, even in the last number", () => {
    const embedding = tensors.find(({ name }) => name === EMBEDDING)!;
    const changed = Uint8Array.from(embedding.data);
    changed[changed.length - 2]! ^= 1;
    for (const stored of [tensors, [...without(HEAD), { ...embedding, name: HEAD, data: changed }]]) {
      const { names, opened } = used(stored);
      assert.deepEqual(names, [EMBEDDING, HEAD]);
      assert.match(opened.remarks!.join(), /tie_word_embeddings is true, but lm_head\.weight differs/);
    }
  });

  it("is the embedding too, if that is missing", () => {
    assert.deepEqual(used(without(EMBEDDING)).names, [HEAD, HEAD]);
  });
});
