/** Recognises released models by their shape and constants, and names them. Reads no file. */
import type { ModelConfig } from "../config/config.js";

export interface Release {
  /** Meta's name; several names if their files do not differ. */
  name: string;
  /** Tokens it was trained for. */
  context: number;
}

/** What the sizes of a family have in common. */
interface Family {
  name: string;
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
];

/** The released model with this config, or null. */
export function findRelease(config: ModelConfig): Release | null {
  const shape = [config.dim, config.nLayers, config.nHeads, config.nKvHeads, config.ffnDim].join();
  const kind = config.ropeScaling?.kind;
  const isScaled = kind === "llama3" || kind === "factors";
  for (const { name, context, sizes, ...family } of FAMILIES) {
    const size = Object.keys(sizes).find((key) => sizes[key]!.join() === shape);
    if (size === undefined || family.ropeTheta !== config.ropeTheta) continue;
    if ((family.isScaled ?? false) !== isScaled || (config.ropeScaling !== null && !isScaled)) continue;
    if (!family.vocabSizes.includes(config.vocabSize)) continue;
    if (family.normEps !== undefined && family.normEps !== config.normEps) continue;
    return { name: `${name} ${size}`, context };
  }
  return null;
}
