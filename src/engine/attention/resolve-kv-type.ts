/** Chooses the type of keys and values for this machine: int8 needs the kernel. Does not know memory or files. */
import { LlamaError } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { chooseKvType, type KvShape, type KvType } from "../../model/architecture/kv-type.js";
import { hasKernel } from "./kernel.js";

/** The type that was asked for, or what "auto" chooses here. Throws LlamaError (usage) for int8 without WebAssembly SIMD. */
export function resolveKvType(
  asked: "auto" | KvType = "auto",
  dtype: ComputeType,
  config: KvShape,
  canRun = hasKernel(),
): KvType {
  if (asked === "auto") return canRun ? chooseKvType(dtype, config) : "fp32";
  if (asked === "int8" && !canRun) {
    throw new LlamaError("usage", "keys and values in int8 need WebAssembly with SIMD and room for its memory", {
      where: "kv_dtype",
      expected: "a Node and a processor that have it, and 64 GB of addresses (ulimit -v)",
      fix: "Use --kv_dtype fp32 or auto",
    });
  }
  return asked;
}
