/** The types that weights are held and multiplied in, and what follows from each. Knows no tensor. */

/** fp32, or blocks of 8 or 4 bits that are multiplied with activations in int8. */
export type ComputeType = "fp32" | "int8" | "int4";
export type QuantType = Exclude<ComputeType, "fp32">;

/** Parameters up to which "auto" keeps fp32. */
const FLOAT_PARAMETERS = 1e9;

/** What "auto" means for a model. */
export function chooseType(parameterCount: number): ComputeType {
  return parameterCount <= FLOAT_PARAMETERS ? "fp32" : "int8";
}

/** Whether keys and values are kept in fp16: beside quantised weights they are. */
export function isCacheHalf(dtype: ComputeType): boolean {
  return dtype !== "fp32";
}
