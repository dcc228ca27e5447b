/** The types of tensors in GGUF by their numbers: which can be read, and the names of the others. */
import { BLOCK_SIZES, type BlockType, type DType } from "../tensor/stored-tensor.js";

/** Names of the types by their numbers (ggml.h, enum ggml_type). */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries({
    ...{ F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q4_2: 4, Q4_3: 5, Q5_0: 6, Q5_1: 7, Q8_0: 8, Q8_1: 9 },
    ...{ Q2_K: 10, Q3_K: 11, Q4_K: 12, Q5_K: 13, Q6_K: 14, Q8_K: 15, IQ2_XXS: 16, IQ2_XS: 17, IQ3_XXS: 18 },
    ...{ IQ1_S: 19, IQ4_NL: 20, IQ3_S: 21, IQ2_S: 22, IQ4_XS: 23, I8: 24, I16: 25, I32: 26, I64: 27, F64: 28 },
    ...{ IQ1_M: 29, BF16: 30, Q4_0_4_4: 31, Q4_0_4_8: 32, Q4_0_8_8: 33, TQ1_0: 34, TQ2_0: 35 },
    ...{ IQ4_NL_4_4: 36, IQ4_NL_4_8: 37, IQ4_NL_8_8: 38, MXFP4: 39, NVFP4: 40, Q1_0: 41 },
  }).map(([name, number]) => [number, name]),
);

/** The types that can be read, by GGUF's names. */
const READABLE: ReadonlyMap<string, DType> = new Map<string, DType>([
  ...Object.entries({ F32: "fp32", F16: "fp16", BF16: "bf16", F64: "fp64" } as const),
  ...(Object.keys(BLOCK_SIZES) as BlockType[]).map((name) => [name, name] as const),
]);

/** The type in memory of a type's number; undefined if its numbers cannot be read. */
export function ggmlType(number: number): DType | undefined {
  return READABLE.get(ggmlTypeName(number));
}

/** GGUF's name of a type, e.g. "IQ2_XXS". */
export function ggmlTypeName(number: number): string {
  return NAMES.get(number) ?? `number ${number}`;
}

/** GGUF's names of the types that can be read. */
export const READABLE_TYPES: readonly string[] = [...READABLE.keys()];

/** Names of the mixtures of types by the numbers of general.file_type (llama.h, enum llama_ftype). */
const MIXTURES: ReadonlyMap<number, string> = new Map(
  Object.entries({
    ...{ F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, Q5_0: 8, Q5_1: 9, Q2_K: 10, Q3_K_S: 11, Q3_K_M: 12, Q3_K_L: 13 },
    ...{ Q4_K_S: 14, Q4_K_M: 15, Q5_K_S: 16, Q5_K_M: 17, Q6_K: 18, IQ2_XXS: 19, IQ2_XS: 20, Q2_K_S: 21, IQ3_XS: 22 },
    ...{ IQ3_XXS: 23, IQ1_S: 24, IQ4_NL: 25, IQ3_S: 26, IQ3_M: 27, IQ2_S: 28, IQ2_M: 29, IQ4_XS: 30, IQ1_M: 31 },
    ...{ BF16: 32, TQ1_0: 36, TQ2_0: 37, MXFP4_MOE: 38, NVFP4: 39, Q1_0: 40 },
  }).map(([name, number]) => [number, name]),
);

/** The name of a mixture, e.g. "Q4_K_M"; null if the file does not say. */
export function mixtureName(fileType: unknown): string | null {
  return MIXTURES.get(fileType as number) ?? null;
}
