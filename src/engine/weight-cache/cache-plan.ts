/** Decides where the ranks load quantised weights from, and completes a conversion into the weight cache. Does not know ranks. */
import { LlamaError } from "../../error.js";
import { lengthOf } from "../../formats/tensor/range.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { StepPlan } from "../../model/architecture/step-plan.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { modelBytesPerToken } from "../../model/sizes/bytes-per-token.js";
import type { RankShare } from "../../model/split/partition.js";
import { keepFresh } from "../machine/process-mark.js";
import type { WeightPlan } from "../shared/messages.js";
import { isStorable, stageGraphs } from "../stages/stages.js";
import { beginCache, cacheFolder, discardCache, finishCache, isCacheWhole } from "./cache-folder.js";

/** How a start used the weight cache. */
export interface CacheOutcome {
  state: "off" | "opened" | "written" | "failed";
  folder: string | null;
  /** Why the cache could not be written. */
  problem: string | null;
}

/** The plan for one start. */
export class WeightCachePlan {
  readonly plan: WeightPlan;
  outcome: CacheOutcome;
  #stopRenewing: () => void = () => {};
  readonly #about: { checkpoint: string; dtype: string; worldSize: number };

  /** A `root` of null means no weight cache. Creates the folder to write, so `dispose` must follow. */
  constructor(
    checkpoint: Checkpoint,
    shares: readonly RankShare[],
    plan: StepPlan,
    dtype: ComputeType,
    identity: string,
    root: string | null,
  ) {
    const worldSize = shares.length;
    this.#about = { checkpoint: checkpoint.dir, dtype, worldSize };
    this.outcome = { state: "off", folder: null, problem: null };
    this.plan = { kind: "memory" };
    // fp32 weights are inputs from memory: cache files would only duplicate the checkpoint.
    if (root === null || dtype === "fp32") return;
    const isStored = (share: RankShare) =>
      [...stageGraphs({ checkpoint, share, plan, dtype })].some(([, graph]) => isStorable(graph));
    if (!shares.some(isStored)) return;
    const { layers } = shares[0]!;
    const isWhole = lengthOf(layers) === checkpoint.config.nLayers;
    const folder = cacheFolder(root, identity, worldSize, isWhole ? undefined : layers);
    if (isCacheWhole(folder)) {
      this.outcome = { state: "opened", folder, problem: null };
      this.plan = { kind: "cache", folder };
      return;
    }
    try {
      // The runtime stores each constant twice: as given, and in the layout of its kernel.
      const unfinished = beginCache(root, folder, 2 * modelBytesPerToken(checkpoint.config, shares, dtype).weights);
      this.outcome = { state: "written", folder, problem: null };
      this.plan = { kind: "convert", folder: unfinished };
      this.#stopRenewing = keepFresh(unfinished);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Called when all ranks have written, with the first failure or null. Returns the folder to open, or null for memory. */
  async finish(failure: string | null): Promise<string | null> {
    const { folder } = this.outcome;
    if (this.plan.kind !== "convert" || folder === null) return null;
    try {
      if (failure !== null) throw new Error(withoutSourcePlace(failure).replaceAll(`${this.plan.folder}/`, ""));
      await finishCache(this.plan.folder, folder, this.#about);
      return folder;
    } catch (error) {
      this.#fail(error);
      return null;
    } finally {
      this.dispose();
    }
  }

  /** True if the start failed because the cached files could not be opened, and they have been deleted. */
  discardIfUnreadable(error: unknown): boolean {
    if (this.plan.kind !== "cache" || error instanceof LlamaError) return false;
    discardCache(this.plan.folder);
    return !isCacheWhole(this.plan.folder);
  }

  /** Removes an unfinished folder. Call it after the start, however that ended. */
  dispose(): void {
    this.#stopRenewing();
    if (this.plan.kind !== "convert") return;
    try {
      discardCache(this.plan.folder);
    } catch {
      // A rank that did not leave in time still writes; the folder is removed by a later start.
    }
  }

  #fail(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    this.outcome = { state: "failed", folder: null, problem };
  }
}

/** Removes the start of a runtime error message: the place in the runtime's source and the failed condition. */
function withoutSourcePlace(message: string): string {
  return message.replace(/^.*(?:\b(?:FAIL|EXCEPTION) : (?:\S+:\d+ )?|\bwas false\. )/s, "").trim();
}
