/** The released models: their params.json, the resulting feed-forward width, and their number of files. */
export interface ReleasedSize {
  name: string;
  files: number;
  params: { dim: number; n_layers: number; n_heads: number; n_kv_heads?: number; vocab_size: number };
  ffnDim: number;
}

const size = (
  name: string,
  files: number,
  [dim, n_layers, n_heads, vocab_size]: [number, number, number, number],
  ffnDim: number,
  more: { n_kv_heads?: number; ffn_dim_multiplier?: number; multiple_of?: number } = {},
): ReleasedSize => ({
  name,
  files,
  params: { dim, n_layers, n_heads, vocab_size, multiple_of: 256, ...more } as never,
  ffnDim,
});

export const SIZES: ReleasedSize[] = [
  size("LLaMA 7B", 1, [4096, 32, 32, 32000], 11008),
  size("LLaMA 13B", 2, [5120, 40, 40, 32000], 13824),
  size("LLaMA 30B", 4, [6656, 60, 52, 32000], 17920),
  size("LLaMA 65B", 8, [8192, 80, 64, 32000], 22016),
  size("Llama 2 70B", 8, [8192, 80, 64, 32000], 28672, { n_kv_heads: 8, ffn_dim_multiplier: 1.3, multiple_of: 4096 }),
  size("Code Llama 7B", 1, [4096, 32, 32, 32016], 11008, { ffn_dim_multiplier: 1 }),
  size("Code Llama 34B", 4, [8192, 48, 64, 32000], 22016, { n_kv_heads: 8, ffn_dim_multiplier: 1 }),
  size("Llama 3 8B", 1, [4096, 32, 32, 128256], 14336, { n_kv_heads: 8, ffn_dim_multiplier: 1.3, multiple_of: 1024 }),
  size("Llama 3 70B", 8, [8192, 80, 64, 128256], 28672, { n_kv_heads: 8, ffn_dim_multiplier: 1.3, multiple_of: 4096 }),
  size("Llama 3.1 405B", 8, [16384, 126, 128, 128256], 53248, {
    n_kv_heads: 8,
    ffn_dim_multiplier: 1.2,
    multiple_of: 4096,
  }),
  // another version of the same weights, with each KV head twice
  size("Llama 3.1 405B, MP 16", 16, [16384, 126, 128, 128256], 53248, {
    n_kv_heads: 16,
    ffn_dim_multiplier: 1.2,
    multiple_of: 4096,
  }),
  size("Llama 3.2 1B", 1, [2048, 16, 32, 128256], 8192, { n_kv_heads: 8, ffn_dim_multiplier: 1.5 }),
  size("Llama 3.2 3B", 1, [3072, 28, 24, 128256], 8192, { n_kv_heads: 8, ffn_dim_multiplier: 1 }),
];
