/** The types in which keys and values are kept (fp32, int8), how to choose one, and their sizes. Does not know layers or memory. */
import type { ModelConfig } from "../config/config.js";
import type { ComputeType } from "./compute-type.js";

/** fp32, or 8-bit integers with an fp32 scale for each token and head; the head is turned before, so that no channel is much larger than others. */
export type KvType = "fp32" | "int8";

/** Smallest heads for which "auto" chooses int8: the scale of a smaller head is a large part of it, and covers few numbers. */
const LEAST_HEAD = 32;

/** What decides whether "auto" is int8. */
export type KvShape = Pick<ModelConfig, "headDim" | "biases" | "headNorms">;

/**
 * The type that "auto" chooses: int8 beside quantised weights; fp32 beside fp32, for very small heads, and where a bias or a norm
 * of its own can make a few channels of keys so large that the scale leaves no steps for the others (Qwen 2 and 3).
 */
export function chooseKvType(dtype: ComputeType, { headDim, biases, headNorms }: KvShape): KvType {
  return dtype === "fp32" || headDim < LEAST_HEAD || biases.qkv || headNorms ? "fp32" : "int8";
}

/** Names the form in which saved keys and values are; changes whenever others could not read them. */
export function kvForm(type: KvType): string {
  return type === "int8" ? "int8 turned" : type;
}

/** Bytes of one token's keys (or values) of one head. */
export function kvHeadBytes(headDim: number, type: KvType): number {
  return type === "int8" ? headDim + 4 : headDim * 4;
}
