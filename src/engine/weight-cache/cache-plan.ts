/** Decides where the ranks load quantised weights from, and completes a conversion into the weight cache. Does not know ranks. */
import { resolve } from "node:path";
import { LlamaError } from "../../error.js";
import { lengthOf } from "../../formats/tensor/range.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { modelBytesPerToken } from "../../model/sizes/bytes-per-token.js";
import type { RankShare } from "../../model/split/partition.js";
import { keepFresh } from "../machine/process-mark.js";
import type { WeightPlan } from "../shared/messages.js";
import { dropSuperseded } from "./cache-entries.js";
import {
  beginCache,
  type CacheAbout,
  cacheFolder,
  discardCache,
  finishCache,
  isCacheWhole,
  readManifest,
  renameCheckpoint,
} from "./cache-folder.js";
import { sourceFiles, sourceState } from "./source-files.js";

/** Fewer bytes of weights are quantised in less than 0.1 s, and not cached. */
const MIN_BYTES = 4 << 20;

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
  readonly #root: string | null;
  readonly #about: CacheAbout;

  /** A `root` of null means no weight cache. Creates the folder to write, so `dispose` must follow. */
  constructor(
    checkpoint: Checkpoint,
    shares: readonly RankShare[],
    dtype: ComputeType,
    identity: string,
    root: string | null,
  ) {
    const worldSize = shares.length;
    this.#root = root;
    // A model of random numbers has a name, not a path.
    const path = checkpoint.seed === null ? resolve(checkpoint.dir) : checkpoint.dir;
    this.#about = { checkpoint: path, dtype, worldSize, sources: sourceFiles(checkpoint) };
    this.outcome = { state: "off", folder: null, problem: null };
    this.plan = { kind: "memory" };
    // fp32 weights are inputs from memory: cache files would only duplicate the checkpoint.
    if (root === null || dtype === "fp32") return;
    const { weights } = modelBytesPerToken(checkpoint.config, shares, dtype);
    if (weights < MIN_BYTES) return;
    const { layers } = shares[0]!;
    const isWhole = lengthOf(layers) === checkpoint.config.nLayers;
    const folder = cacheFolder(root, identity, worldSize, isWhole ? undefined : layers);
    if (isCacheWhole(folder)) {
      // The same files by their checksums, at another path.
      if (sourceState(readManifest(folder)?.sources ?? []) !== "current") renameCheckpoint(folder, this.#about);
      this.outcome = { state: "opened", folder, problem: null };
      this.plan = { kind: "cache", folder };
      return;
    }
    try {
      // The runtime stores each constant twice: as given, and in the layout of its kernel.
      const unfinished = beginCache(root, folder, 2 * weights);
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
      dropSuperseded(this.#root!, folder, this.#about);
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
