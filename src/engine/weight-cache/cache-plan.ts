/** Decides where the ranks get quantised weights from, and carries a conversion into the cache to its end. Knows folders; not ranks. */
import { LlamaError } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { modelBytesPerToken } from "../../model/sizes/bytes-per-token.js";
import type { RankShare } from "../../model/split/partition.js";
import type { WeightPlan } from "../shared/messages.js";
import { isStorable, stageGraphs } from "../stages/stages.js";
import { beginCache, cacheFolder, discardCache, finishCache, isCacheWhole } from "./cache-folder.js";

/** What became of the cache in a start. */
export interface CacheOutcome {
  state: "off" | "opened" | "written" | "failed";
  folder: string | null;
  /** Why it could not be written. */
  problem: string | null;
}

/** The plan of one start. */
export class WeightCachePlan {
  readonly plan: WeightPlan;
  outcome: CacheOutcome;
  readonly #about: { checkpoint: string; dtype: string; worldSize: number };

  /** `root` of null: no cache. */
  constructor(
    checkpoint: Checkpoint,
    shares: readonly RankShare[],
    dtype: ComputeType,
    identity: string,
    root: string | null,
  ) {
    const worldSize = shares.length;
    this.#about = { checkpoint: checkpoint.dir, dtype, worldSize };
    this.outcome = { state: "off", folder: null, problem: null };
    this.plan = { kind: "memory" };
    // fp32 is fed from memory: its files would only double the checkpoint.
    if (root === null || dtype === "fp32") return;
    const isStored = (share: RankShare) =>
      [...stageGraphs({ checkpoint, share, worldSize, dtype })].some(([, segment]) => isStorable(segment));
    if (!shares.some(isStored)) return;
    const folder = cacheFolder(root, identity, worldSize);
    if (isCacheWhole(folder)) {
      this.outcome = { state: "opened", folder, problem: null };
      this.plan = { kind: "cache", folder };
      return;
    }
    try {
      // The runtime stores a constant twice: as it was given, and as its kernel wants it.
      const unfinished = beginCache(root, folder, 2 * modelBytesPerToken(checkpoint.config, shares, dtype).weights);
      this.outcome = { state: "written", folder, problem: null };
      this.plan = { kind: "convert", folder: unfinished };
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Called when all ranks have written: the folder to open, or null for none. */
  async finish(failure: string | null): Promise<string | null> {
    const { folder } = this.outcome;
    if (this.plan.kind !== "convert" || folder === null) return null;
    try {
      if (failure !== null) throw new Error(plain(failure).replaceAll(`${this.plan.folder}/`, ""));
      await finishCache(this.plan.folder, folder, this.#about);
      return folder;
    } catch (error) {
      this.#fail(error);
      return null;
    } finally {
      this.dispose();
    }
  }

  /** Whether an error of a start came of a cache that cannot be opened; it is then gone. */
  discardIfUnreadable(error: unknown): boolean {
    if (this.plan.kind !== "cache" || error instanceof LlamaError) return false;
    discardCache(this.plan.folder);
    return !isCacheWhole(this.plan.folder);
  }

  /** Removes what was not finished. */
  dispose(): void {
    if (this.plan.kind === "convert") discardCache(this.plan.folder);
  }

  #fail(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    this.outcome = { state: "failed", folder: null, problem };
  }
}

/** The runtime's messages begin with places in its own source, and conditions. */
function plain(message: string): string {
  return message.replace(/^.*(?:\b(?:FAIL|EXCEPTION) : (?:\S+:\d+ )?|\bwas false\. )/s, "").trim();
}
