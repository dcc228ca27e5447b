/** The types in which keys and values are kept (fp32, int8), how to choose one, and their sizes. Does not know layers or memory. */
import type { ModelConfig } from "../config/config.js";
import type { ComputeType } from "./compute-type.js";

/** fp32, or 8-bit integers with an fp32 scale for each token and head. */
export type KvType = "fp32" | "int8";

/** Smallest heads for which "auto" chooses int8: the scale of a smaller head is a large part of it, and covers few numbers. */
const LEAST_HEAD = 32;

/** The type that "auto" chooses: int8 beside quantised weights, fp32 beside fp32 and for very small heads. */
export function chooseKvType(dtype: ComputeType, { headDim }: Pick<ModelConfig, "headDim">): KvType {
  return dtype === "fp32" || headDim < LEAST_HEAD ? "fp32" : "int8";
}

/** Bytes of one token's keys (or values) of one head. */
export function kvHeadBytes(headDim: number, type: KvType): number {
  return type === "int8" ? headDim + 4 : headDim * 4;
}
