/** Chooses how many tokens a context may have: what was asked for, else the model's own length as far as memory allows. Opens no files. */
import { STEP_TOKENS } from "../../engine/host/engine-options.js";
import { type MachineMemory, machineMemory } from "../../engine/machine/machine-memory.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import { memoryNeed } from "../../model/sizes/memory-need.js";

/** The context of models whose files do not say theirs, as ModelArgs.max_seq_len in Meta's model.py. */
export const DEFAULT_MAX_SEQ_LEN = 2048;
/** Share of the memory that the weights leave, for one whole context: as much is left to other requests. */
const CONTEXT_SHARE = 0.5;
/** A context that is cut is a multiple of this. */
const STEP = 256;

/**
 * Tokens of prompt and text together. `asked` is what the user wants; without it, the model's length, but no more than memory
 * allows, though never less than 2048 for that reason.
 */
export function resolveMaxSeqLen(
  asked: number | undefined,
  config: ModelConfig,
  { worldSize, dtype, kvDtype }: { worldSize: number; dtype: ComputeType; kvDtype?: KvType },
  { available }: Pick<MachineMemory, "available"> = machineMemory(),
): number {
  if (asked !== undefined) return asked;
  const own = config.contextLength;
  if (own === null || own <= DEFAULT_MAX_SEQ_LEN) return own ?? DEFAULT_MAX_SEQ_LEN;
  const { token, context, total } = memoryNeed(config, worldSize, dtype, own, STEP_TOKENS, undefined, kvDtype);
  const room = ((available - (total - context)) * CONTEXT_SHARE) / token;
  return Math.min(own, Math.max(DEFAULT_MAX_SEQ_LEN, STEP * Math.floor(room / STEP)));
}

/** Dynamic scaling rotates a prompt beyond the trained length by its own length, so that its KV cache is of no use to others. */
export function sharedLength({ ropeScaling }: Pick<ModelConfig, "ropeScaling">): { sharedLength?: number } {
  return ropeScaling?.kind === "dynamic" ? { sharedLength: ropeScaling.oldContext } : {};
}
