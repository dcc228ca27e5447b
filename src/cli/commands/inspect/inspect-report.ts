/** Collects everything that `inspect` reports, under the names that scripts read from --json. Does not print. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { machineMemory } from "../../../engine/machine/machine-memory.js";
import { type OpenedModel, resolveSetup } from "../../../generation/loading/open-model.js";
import type { ComputeType } from "../../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../../model/checkpoint/checkpoint.js";
import { openFolder } from "../../../model/checkpoint/folder.js";
import type { Verified } from "../../../model/checkpoint/verify-files.js";
import type { ModelConfig } from "../../../model/config/config.js";
import { memoryNeed } from "../../../model/sizes/memory-need.js";
import { findRelease } from "../../../model/sizes/releases.js";
import { maxRanks } from "../../../model/split/rank-count.js";

const DTYPES: readonly ComputeType[] = ["fp32", "int8", "int4"];
const TABLE_RANKS = [1, 2, 4, 8];

export type InspectionReport = ReturnType<typeof inspectionReport>;

/** `tokens`: context length for the memory estimate. `verified`: result of --verify, or null. */
export function inspectionReport(
  { tokenizer, tokenizerPath, checkpoint }: OpenedModel,
  tokens: number,
  verified: Verified | null,
) {
  const { config, dir, dtype, parameterCount, unexpected, differing, unknownParams } = checkpoint;
  const release = findRelease(config);
  const { layout, files } = openFolder(dir);
  const shards = files.map((file) => ({ file: basename(file), bytes: statSync(file).size }));
  const most = maxRanks(config);
  const { total, available, isCgroupLimited } = machineMemory();
  const auto = resolveSetup(checkpoint, {});
  return {
    folder: dir,
    /** null if the shape is not that of a released model */
    name: release?.name ?? null,
    format: layout === "meta" ? formatName(checkpoint) : "Hugging Face, safetensors",
    parameters: parameterCount,
    file_dtype: dtype,
    file_bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    shards,
    split: layout === "meta" ? splitOf(checkpoint) : null,
    dim: config.dim,
    n_layers: config.nLayers,
    n_heads: config.nHeads,
    n_kv_heads: config.nKvHeads,
    head_dim: config.headDim,
    ffn_dim: config.ffnDim,
    norm_eps: config.normEps,
    rope_theta: config.ropeTheta,
    rope_scaling: config.ropeScaling,
    /** context length it was trained with, in tokens; null without a name, since params.json does not have it */
    context: release?.context ?? null,
    tokenizer: { file: tokenizerPath, kind: tokenizer.vocabulary.kind, vocab_size: tokenizer.vocabulary.vocabSize },
    nproc_per_node: { min: 1, max: most, even: evenRanks(config, most), auto: auto.worldSize },
    dtype_auto: auto.dtype,
    memory: { total_bytes: total, available_bytes: available, limited_by_cgroup: isCgroupLimited },
    max_seq_len: tokens,
    needs: needs(config, most, tokens, available),
    unexpected_tensors: unexpected,
    differing_tensors: differing,
    unknown_params: unknownParams,
    /** null without --verify; a damaged file ends the command */
    verified,
  };
}

function needs(config: ModelConfig, most: number, tokens: number, available: number) {
  const counts = TABLE_RANKS.filter((count) => count <= most);
  return DTYPES.flatMap((dtype) =>
    counts.map((worldSize) => {
      const { weightsOfRank, weights, token, total } = memoryNeed(config, worldSize, dtype, tokens);
      return {
        dtype,
        world_size: worldSize,
        weight_bytes_per_rank: weightsOfRank,
        weight_bytes: weights,
        kv_bytes_per_1000_tokens: token * 1000,
        /** weights, a context of max_seq_len, and working memory */
        total_bytes: total,
        fits: total <= available,
      };
    }),
  );
}

/** Numbers of ranks that divide the heads and so the work evenly. */
function evenRanks({ nHeads, nKvHeads }: ModelConfig, most: number): number[] {
  const counts = Array.from({ length: most }, (_, i) => i + 1);
  return counts.filter((count) => nHeads % count === 0 && (nKvHeads % count === 0 || count % nKvHeads === 0));
}

function formatName({ tensors }: Checkpoint): string {
  const { storage } = [...tensors.values()][0]!.pieces[0]!.entry;
  return storage.crc32 === undefined ? "Meta, PyTorch before 1.6" : "Meta, PyTorch (zip)";
}

/** Which tensors Meta's files split along which axis, by the last part of their names; null for a single file. */
function splitOf({ tensors, shardCount }: Checkpoint) {
  if (shardCount === 1) return null;
  const names = (wanted: 0 | 1 | null) => {
    const found = [...tensors.values()].filter(({ axis }) => axis === wanted);
    return [...new Set(found.map(({ name }) => name.split(".").at(-2)!))];
  };
  return { rows: names(0), columns: names(1), replicated: names(null) };
}
