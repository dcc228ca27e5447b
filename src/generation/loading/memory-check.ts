/** Refuses a model that is not going to fit, before anything is loaded. Knows sizes; loads nothing. */
import { machineMemory } from "../../engine/machine/machine-memory.js";
import { LlamaError } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import { memoryNeed } from "../../model/sizes/memory-need.js";

/** Types by size; the next smaller one is proposed. */
const SMALLER: Readonly<Record<ComputeType, readonly ComputeType[]>> = {
  fp32: ["int8", "int4"],
  int8: ["int4"],
  int4: [],
};

/** Throws a LlamaError with the numbers when the weights and a whole context need more than is available. */
export function checkMemory(
  config: ModelConfig,
  worldSize: number,
  dtype: ComputeType,
  tokens: number,
  { available } = machineMemory(),
): void {
  const { weights, context, working, total } = memoryNeed(config, worldSize, dtype, tokens);
  if (total <= available) return;
  const smaller = SMALLER[dtype].find((type) => memoryNeed(config, worldSize, type, tokens).total <= available);
  const advice: string[] = [];
  if (smaller) {
    advice.push(`--dtype ${smaller} needs ${gigabytes(memoryNeed(config, worldSize, smaller, tokens).total)}`);
  }
  if (weights + working < available) advice.push("a smaller --max_seq_len needs less");
  advice.push("--force tries it all the same");
  throw new LlamaError("memory", `the model does not fit into the memory in ${dtype}`, {
    expected: `${gigabytes(total)} (weights ${gigabytes(weights)}, context of ${tokens} tokens ${gigabytes(context)}, working memory ${gigabytes(working)})`,
    found: `${gigabytes(available)} available`,
    fix: advice.join(", "),
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e9 ? 2 : 1)} GB`;
}
