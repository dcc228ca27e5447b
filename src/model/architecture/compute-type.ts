/** The types in which weights are kept and multiplied (fp32, int8, int4), and how to choose one. Does not know tensors. */

/** fp32, or blocks of 8-bit or 4-bit weights that are multiplied with int8 activations. */
export type ComputeType = "fp32" | "int8" | "int4";
export type QuantType = Exclude<ComputeType, "fp32">;

/** Largest number of parameters for which "auto" chooses fp32. */
const FLOAT_PARAMETERS = 1e9;

/** The type that "auto" chooses for a model. */
export function chooseType(parameterCount: number): ComputeType {
  return parameterCount <= FLOAT_PARAMETERS ? "fp32" : "int8";
}
