/** Collects everything that `inspect` reports, under the names that scripts read from --json. Does not print. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { STEP_TOKENS } from "../../../engine/host/engine-options.js";
import { machineMemory } from "../../../engine/machine/machine-memory.js";
import { resolveMaxSeqLen } from "../../../generation/loading/context-length.js";
import { resolveSetup } from "../../../generation/loading/open-model.js";
import type { ComputeType } from "../../../model/architecture/compute-type.js";
import { storedMatrices } from "../../../model/architecture/recipe.js";
import { TENSORS, tensorName } from "../../../model/architecture/tensor-table.js";
import type { Checkpoint } from "../../../model/checkpoint/checkpoint.js";
import type { OpenedCheckpoint } from "../../../model/checkpoint/checkpoint-format.js";
import type { Verified } from "../../../model/checkpoint/verify-files.js";
import type { ModelConfig } from "../../../model/config/config.js";
import { bitsPerWeight } from "../../../model/sizes/bytes-per-token.js";
import { memoryNeed } from "../../../model/sizes/memory-need.js";
import { findRelease } from "../../../model/sizes/releases.js";
import { maxRanks } from "../../../model/split/rank-count.js";
import type { TokenizerSource } from "../../../tokenizer/tokenizer.js";
import { stageNeeds } from "./stage-needs.js";

const DTYPES: readonly ComputeType[] = ["fp32", "int8", "int4"];
const TABLE_RANKS = [1, 2, 4, 8];

export interface InspectedModel {
  opened: OpenedCheckpoint;
  /** null if there is no tokenizer, which is not needed here. */
  tokenizerPath: string | null;
  tokenizer: TokenizerSource | null;
  checkpoint: Checkpoint;
}

export type InspectionReport = ReturnType<typeof inspectionReport>;

export interface InspectWishes {
  /** Context length for the memory estimate; undefined: the one that would run. */
  max_seq_len?: number | undefined;
  /** The type of weights to estimate it for; auto: all types. */
  dtype: "auto" | ComputeType;
  /** Hosts like this one that hold the model together. */
  nnodes?: number | undefined;
}

/** `verified`: result of --verify, or null. */
export function inspectionReport(
  { tokenizer, tokenizerPath, opened, checkpoint }: InspectedModel,
  { max_seq_len: asked, dtype: asType, nnodes }: InspectWishes,
  verified: Verified | null,
) {
  const { config, dir, dtype, parameterCount, unexpected, differing, unknownParams } = checkpoint;
  const release = findRelease(config);
  const shards = opened.files.map((file) => ({ file: basename(file), bytes: statSync(file).size }));
  const most = maxRanks(config);
  const { total, available, isCgroupLimited } = machineMemory();
  const auto = resolveSetup(checkpoint, {});
  // Hosts that hold a model together do not choose by what one of them has room for.
  const types = asType === "auto" ? DTYPES : [asType];
  const room = nnodes === undefined ? undefined : { available: 0 };
  const tokens = asked ?? resolveMaxSeqLen(undefined, config, auto, room);
  return {
    folder: dir,
    /** null if the shape is not that of a released model */
    name: release?.name ?? null,
    /** what a GGUF file says: its model's name and its mixture of types, e.g. "Q4_K_M"; otherwise null */
    name_in_file: opened.stated?.name ?? null,
    quantisation: opened.stated?.quantisation ?? null,
    format: `${checkpoint.format}, ${checkpoint.container}`,
    parameters: parameterCount,
    file_dtype: dtype,
    /** numbers of tensors by their type */
    tensor_types: tensorTypes(checkpoint),
    file_bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    shards,
    split: splitOf(checkpoint),
    architecture: config.architecture,
    dim: config.dim,
    n_layers: config.nLayers,
    n_heads: config.nHeads,
    n_kv_heads: config.nKvHeads,
    head_dim: config.headDim,
    ffn_dim: config.ffnDim,
    norm_eps: config.normEps,
    rope_theta: config.ropeTheta,
    rope_scaling: config.ropeScaling,
    /** layers whose queries and keys are not rotated, from 0 */
    unrotated_layers: config.unrotatedLayers,
    /** tokens that each layer attends to, null for all; empty if no layer has a window */
    windows: config.windows,
    /** products that add a bias: q, k and v; the output of attention; the feed-forward block */
    biases: config.biases,
    /** whether each head of q and k is normed */
    head_norms: config.headNorms,
    /** context length it was made for, in tokens; null without a name in Meta's files, since params.json does not have it */
    context: config.contextLength ?? release?.context ?? null,
    /** whether the embedding is also the output matrix */
    tied: isTied(checkpoint),
    /** units: "pieces" of text, as in SentencePiece's vocabularies, or "bytes", as in tiktoken's */
    tokenizer: tokenizer && {
      file: tokenizerPath,
      kind: tokenizer.vocabulary.kind,
      units: tokenizer.vocabulary.units,
      vocab_size: tokenizer.vocabulary.vocabSize,
    },
    /** rows of the embedding; those beyond the tokenizer's tokens are never chosen */
    vocab_rows: config.vocabSize,
    nproc_per_node: { min: 1, max: most, even: evenRanks(config, most), auto: auto.worldSize },
    dtype_auto: auto.dtype,
    /** matrices whose blocks in the files are multiplied as they are, without quantising them again */
    handed_on: { int8: storedMatrices(config, "int8"), int4: storedMatrices(config, "int4") },
    /** stored bits for each weight of the layers, with scales, zero points and padding */
    bits_per_weight: { int8: bitsPerWeight(config, "int8"), int4: bitsPerWeight(config, "int4") },
    memory: { total_bytes: total, available_bytes: available, limited_by_cgroup: isCgroupLimited },
    max_seq_len: tokens,
    needs: needs(config, most, tokens, available).filter(({ dtype: type }) => types.includes(type)),
    /** with --nnodes: what each host holds, if all are like this one; otherwise empty */
    nodes: nnodes === undefined ? [] : types.flatMap((type) => stageNeeds(checkpoint, type, nnodes, tokens, available)),
    unexpected_tensors: unexpected,
    differing_tensors: differing,
    unknown_params: unknownParams,
    remarks: checkpoint.remarks ?? [],
    /** null without --verify; a damaged file ends the command */
    verified,
  };
}

function needs(config: ModelConfig, most: number, tokens: number, available: number) {
  const counts = TABLE_RANKS.filter((count) => count <= most);
  return DTYPES.flatMap((dtype) =>
    counts.map((worldSize) => {
      const { weightsOfRank, weights, token, total } = memoryNeed(config, worldSize, dtype, tokens, STEP_TOKENS);
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

/** The most common type first. */
function tensorTypes({ tensors }: Checkpoint): Record<string, number> {
  const counts = new Map<string, number>();
  // A tied embedding is used as two tensors.
  for (const { dtype } of new Set([...tensors.values()].map(({ pieces }) => pieces[0]!.entry))) {
    counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** Numbers of ranks that divide the heads and so the work evenly. */
function evenRanks({ nHeads, nKvHeads }: ModelConfig, most: number): number[] {
  const counts = Array.from({ length: most }, (_, i) => i + 1);
  return counts.filter((count) => nHeads % count === 0 && (nKvHeads % count === 0 || count % nKvHeads === 0));
}

/** Whether both matrices are one tensor of the files. */
function isTied({ tensors }: Checkpoint): boolean {
  const [embedding, output] = [TENSORS.embedding, TENSORS.output].map((kind) => tensors.get(tensorName(kind, 0))!);
  return embedding!.pieces[0]!.entry === output!.pieces[0]!.entry;
}

/** Which tensors the files split along which axis, by the last part of their names; null if each tensor is in one file. */
function splitOf({ tensors }: Checkpoint) {
  if ([...tensors.values()].every(({ axis }) => axis === null)) return null;
  const names = (wanted: 0 | 1 | null) => {
    const found = [...tensors.values()].filter(({ axis }) => axis === wanted);
    return [...new Set(found.map(({ name }) => name.split(".").at(-2)!))];
  };
  return { rows: names(0), columns: names(1), replicated: names(null) };
}
