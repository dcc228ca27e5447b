/** Writes a Hugging Face folder of random numbers, large enough that its quantised weights are cached. */
import { join } from "node:path";
import { demo } from "../folders.js";
import { type StoredTensor, writeHfFolder } from "../model/hugging-face-folder.js";

const DIM = 256;
const FFN = 768;
const LAYERS = 6;
const VOCAB = 2048;

/** `seed` chooses the numbers; the size of the file does not depend on it. */
export function writeRandomFolder(dir: string, seed: number): string {
  let state = seed;
  const tensor = (name: string, ...shape: number[]): StoredTensor => {
    const data = new Uint8Array(2 * shape.reduce((a, b) => a * b));
    for (let i = 0; i < data.length; i += 2) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      // bf16: a sign, an exponent near 2^-5, and 7 random bits; norms are near 1.
      const bits = shape.length === 1 ? 0x3f80 : 0x3d00 | ((state >>> 9) & 0x80ff);
      data.set([bits & 0xff, bits >> 8], i);
    }
    return { name, shape, data };
  };
  const layer = (i: number) => [
    ...["q", "k", "v", "o"].map((one) => tensor(`model.layers.${i}.self_attn.${one}_proj.weight`, DIM, DIM)),
    tensor(`model.layers.${i}.mlp.gate_proj.weight`, FFN, DIM),
    tensor(`model.layers.${i}.mlp.up_proj.weight`, FFN, DIM),
    tensor(`model.layers.${i}.mlp.down_proj.weight`, DIM, FFN),
    tensor(`model.layers.${i}.input_layernorm.weight`, DIM),
    tensor(`model.layers.${i}.post_attention_layernorm.weight`, DIM),
  ];
  const tensors = [
    tensor("model.embed_tokens.weight", VOCAB, DIM),
    ...Array.from({ length: LAYERS }, (_, i) => layer(i)).flat(),
    tensor("model.norm.weight", DIM),
    tensor("lm_head.weight", VOCAB, DIM),
  ];
  const config = {
    ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", rms_norm_eps: 1e-5 },
    ...{ hidden_size: DIM, intermediate_size: FFN, num_hidden_layers: LAYERS, vocab_size: VOCAB },
    ...{ num_attention_heads: 4, num_key_value_heads: 4, rope_theta: 10000, tie_word_embeddings: false },
  };
  return writeHfFolder(dir, config, tensors, join(demo, "tokenizer.model"));
}
