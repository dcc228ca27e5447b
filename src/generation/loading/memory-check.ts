/** Refuses a model that will not fit into memory, before anything is loaded. */
import { STEP_TOKENS } from "../../engine/host/engine-options.js";
import { machineMemory } from "../../engine/machine/machine-memory.js";
import { LlamaError } from "../../error.js";
import { showBytes } from "../../formats/files/amounts.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import { memoryNeed } from "../../model/sizes/memory-need.js";

/** The smaller types of each type, largest first; the error suggests the first that fits. */
const SMALLER: Readonly<Record<ComputeType, readonly ComputeType[]>> = {
  fp32: ["int8", "int4"],
  int8: ["int4"],
  int4: [],
};

/** Throws LlamaError (memory) with the numbers if the weights and a full context of `tokens` tokens need more than is available. */
export function checkMemory(
  config: ModelConfig,
  worldSize: number,
  { dtype, kvDtype }: { dtype: ComputeType; kvDtype?: KvType | undefined },
  tokens: number,
  { available } = machineMemory(),
): void {
  const need = (type: ComputeType, kv?: KvType) =>
    memoryNeed(config, worldSize, type, tokens, STEP_TOKENS, undefined, kv);
  const { weights, context, working, total } = need(dtype, kvDtype);
  if (total <= available) return;
  const smaller = SMALLER[dtype].find((type) => need(type).total <= available);
  const advice: string[] = [];
  if (kvDtype === "fp32" && dtype !== "fp32" && need(dtype).total <= available) {
    advice.push(`--kv_dtype auto needs ${showBytes(need(dtype).total)}`);
  }
  if (smaller) advice.push(`--dtype ${smaller} needs ${showBytes(need(smaller).total)}`);
  if (weights + working < available) advice.push("a smaller --max_seq_len needs less");
  advice.push("--force loads it anyway");
  throw new LlamaError("memory", `the model does not fit into memory as ${dtype}`, {
    expected: `${showBytes(total)} (weights ${showBytes(weights)}, context of ${tokens} tokens ${showBytes(context)}, working memory ${showBytes(working)})`,
    found: `${showBytes(available)} available`,
    fix: advice.join(", "),
  });
}
