/** Recognises released models by their shape and constants, and names them. Reads no file. */
import type { ModelConfig } from "../config/config.js";

export interface Release {
  /** Its makers' name; several names if their files do not differ. */
  name: string;
  /** Tokens it was trained for. */
  context: number;
}

/** What the sizes of a family have in common. */
interface Family {
  name: string;
  /** Default LLaMA's or Mistral's, which have the same tensors. */
  architecture?: string;
  context: number;
  ropeTheta: number;
  isScaled?: true;
  vocabSizes: readonly number[];
  /** Given if families differ in nothing else. */
  normEps?: number;
  /** dim, layers, heads, KV heads and feed-forward width, by size */
  sizes: Readonly<Record<string, readonly [number, number, number, number, number]>>;
}

const B7 = [4096, 32, 32, 32, 11008] as const;
const B13 = [5120, 40, 40, 40, 13824] as const;
const B8 = [4096, 32, 32, 8, 14336] as const;
const B70 = [8192, 80, 64, 8, 28672] as const;
const LLAMA2 = { ropeTheta: 1e4, vocabSizes: [32000] };
const LLAMA3 = { ropeTheta: 5e5, vocabSizes: [128256] };

const MISTRAL = { ropeTheta: 1e6, context: 32768 };
const QWEN2 = { architecture: "Qwen2", ropeTheta: 1e6, context: 32768, vocabSizes: [151936, 152064] };

const FAMILIES: readonly Family[] = [
  {
    ...{ ...LLAMA2, name: "LLaMA", context: 2048, normEps: 1e-6 },
    sizes: { "7B": B7, "13B": B13, "33B": [6656, 60, 52, 52, 17920] },
  },
  { ...LLAMA2, name: "LLaMA", context: 2048, normEps: 1e-5, sizes: { "65B": [8192, 80, 64, 64, 22016] } },
  { ...LLAMA2, name: "Llama 2", context: 4096, normEps: 1e-5, sizes: { "7B": B7, "13B": B13, "70B": B70 } },
  {
    ...{ name: "Code Llama", context: 16384, ropeTheta: 1e6, vocabSizes: [32000, 32016] },
    sizes: { "7B": B7, "13B": B13, "34B": [8192, 48, 64, 8, 22016], "70B": B70 },
  },
  { ...LLAMA3, name: "Llama 3", context: 8192, sizes: { "8B": B8, "70B": B70 } },
  { ...LLAMA3, name: "Llama 3.1", isScaled: true, context: 131072, sizes: { "8B": B8 } },
  { ...LLAMA3, name: "Llama 3.1 or 3.3", isScaled: true, context: 131072, sizes: { "70B": B70 } },
  {
    ...{ ...LLAMA3, name: "Llama 3.1", isScaled: true as const, context: 131072 },
    sizes: { "405B": [16384, 126, 128, 8, 53248], "405B, MP 16": [16384, 126, 128, 16, 53248] },
  },
  {
    ...{ ...LLAMA3, name: "Llama 3.2", isScaled: true as const, context: 131072 },
    sizes: { "1B": [2048, 16, 32, 8, 8192], "3B": [3072, 28, 24, 8, 8192] },
  },
  { ...LLAMA2, name: "TinyLlama", context: 2048, sizes: { "1.1B": [2048, 22, 32, 4, 5632] } },
  {
    ...{ name: "SmolLM2", context: 8192, ropeTheta: 1e5, vocabSizes: [49152] },
    sizes: { "135M": [576, 30, 9, 3, 1536], "360M": [960, 32, 15, 5, 2560] },
  },
  {
    ...{ name: "SmolLM2", context: 8192, ropeTheta: 130000, vocabSizes: [49152] },
    sizes: { "1.7B": [2048, 24, 32, 32, 8192] },
  },
  {
    ...{ name: "SmolLM3", architecture: "SmolLM3", context: 65536, ropeTheta: 5e6, vocabSizes: [128256] },
    sizes: { "3B": [2048, 36, 16, 4, 11008] },
  },
  { ...LLAMA2, name: "Mistral", context: 32768, sizes: { "7B v0.1": B8 } },
  { ...MISTRAL, name: "Mistral", vocabSizes: [32000], sizes: { "7B v0.2": B8 } },
  { ...MISTRAL, name: "Mistral", vocabSizes: [32768], sizes: { "7B v0.3": B8 } },
  {
    ...{ ...MISTRAL, name: "Mistral Nemo", context: 131072, vocabSizes: [131072] },
    sizes: { "12B": [5120, 40, 32, 8, 14336] },
  },
  {
    ...{ name: "Mistral Small", context: 32768, ropeTheta: 1e8, vocabSizes: [131072] },
    sizes: { "24B": [5120, 40, 32, 8, 32768] },
  },
  {
    ...{ name: "Ministral", context: 131072, ropeTheta: 1e8, vocabSizes: [131072] },
    sizes: { "8B": [4096, 36, 32, 8, 12288] },
  },
  {
    ...{ ...QWEN2, name: "Qwen2 or Qwen2.5" },
    sizes: {
      ...{ "0.5B": [896, 24, 14, 2, 4864], "1.5B": [1536, 28, 12, 2, 8960], "7B": [3584, 28, 28, 4, 18944] },
      "72B": [8192, 80, 64, 8, 29568],
    },
  },
  {
    ...{ ...QWEN2, name: "Qwen2.5" },
    sizes: { "3B": [2048, 36, 16, 2, 11008], "14B": [5120, 48, 40, 8, 13824], "32B": [5120, 64, 40, 8, 27648] },
  },
  {
    ...{ ...QWEN2, name: "Qwen3", architecture: "Qwen3" },
    sizes: {
      ...{ "0.6B": [1024, 28, 16, 8, 3072], "1.7B": [2048, 28, 16, 8, 6144], "4B": [2560, 36, 32, 8, 9728] },
      ...{ "8B": [4096, 36, 32, 8, 12288], "14B": [5120, 40, 40, 8, 17408], "32B": [5120, 64, 64, 8, 25600] },
    },
  },
];

/** The released model with this config, or null. */
export function findRelease(config: ModelConfig): Release | null {
  const shape = [config.dim, config.nLayers, config.nHeads, config.nKvHeads, config.ffnDim].join();
  const isPlain = config.architecture === "LLaMA" || config.architecture === "Mistral";
  const kind = config.ropeScaling?.kind;
  const isScaled = kind === "llama3" || kind === "factors";
  for (const { name, context, sizes, ...family } of FAMILIES) {
    const size = Object.keys(sizes).find((key) => sizes[key]!.join() === shape);
    if (family.architecture !== (isPlain ? undefined : config.architecture)) continue;
    if (size === undefined || family.ropeTheta !== config.ropeTheta) continue;
    if ((family.isScaled ?? false) !== isScaled || (config.ropeScaling !== null && !isScaled)) continue;
    if (!family.vocabSizes.includes(config.vocabSize)) continue;
    if (family.normEps !== undefined && family.normEps !== config.normEps) continue;
    return { name: `${name} ${size}`, context };
  }
  return null;
}
