/** Texts and JSON about a model and a completion: summaries, warnings, and what each rank did. Does not print. */
import { availableCores } from "../../engine/machine/cores.js";
import type { FailurePlace } from "../../error.js";
import { firstFew, plural, showBytes } from "../../formats/files/amounts.js";
import { quoted } from "../../formats/files/quoted.js";
import type { Completion, Llama } from "../../index.js";
import { storedType } from "../../model/architecture/recipe.js";

/** The figures that ranks report. */
export type RankFigures = Pick<Llama, "load" | "threadsPerRank" | "rankTimes">;

/** "5 prompt + 64 generated tokens, stop: length · load 180 ms · prefill 900 tok/s · decode 650 tok/s · seed 123" */
export function summaryLine(llama: Pick<Llama, "loadMs">, completion: Completion): string {
  const { promptIds, ids, finishReason, seed, timings } = completion;
  const parts = [
    `${promptIds.length} prompt + ${ids.length} generated tokens, stop: ${finishReason}`,
    `load ${Math.round(llama.loadMs)} ms`,
  ];
  if (timings.prefillTps !== null) parts.push(`prefill ${rate(timings.prefillTps)}`);
  if (timings.decodeTps !== null) parts.push(`decode ${rate(timings.decodeTps)}`);
  // Shown only if drafts were accepted: without them it is always 1.
  if (timings.acceptedTokens > 0) parts.push(`${timings.tokensPerStep} tokens/step`);
  return [...parts, `seed ${seed}`].join(" · ");
}

/** What the reader of an answer should know of its form. */
export function formLines({ formComplete, finishReason }: Pick<Completion, "formComplete" | "finishReason">): string[] {
  if (formComplete !== false) return [];
  return [`The answer is not a whole one of its form: it ended early (${finishReason}).`];
}

/** The object of --json. Scripts depend on its names. */
export function jsonResult(llama: Pick<Llama, "loadMs" | "worldSize" | "dtype">, completion: Completion, echo: string) {
  const { text, ids, promptIds, finishReason, formComplete, seed, timings, logprobs, promptLogprobs } = completion;
  return {
    text: echo + text,
    ids,
    prompt_ids: promptIds,
    ...(logprobs && { logprobs }),
    ...(promptLogprobs && { prompt_logprobs: promptLogprobs }),
    finish_reason: finishReason,
    ...(formComplete !== null && { form_complete: formComplete }),
    seed,
    world_size: llama.worldSize,
    dtype: llama.dtype,
    timings: {
      load_ms: Math.round(llama.loadMs * 100) / 100,
      prefill_ms: timings.prefillMs,
      prefill_tps: timings.prefillTps,
      decode_ms: timings.decodeMs,
      decode_tps: timings.decodeTps,
      draft_tokens: timings.draftTokens,
      accepted_tokens: timings.acceptedTokens,
      tokens_per_step: timings.tokensPerStep,
    },
  };
}

/** The lines of --verbose about a loaded model. */
export function modelLines(llama: Llama, ckptDir: string): string[] {
  const { config, worldSize, threadsPerRank } = llama;
  const lines = [
    `model ${ckptDir}: dim ${config.dim}, ${config.nLayers} layers, ${config.nHeads} heads (${config.nKvHeads} for keys and values), ` +
      `vocabulary ${config.vocabSize}, ${count(llama.parameterCount)} parameters in ${plural(llama.shardCount, "file")}`,
    `${plural(worldSize, "rank")} of ${plural(threadsPerRank, "thread")}, ${llama.dtype}, keys and values ${llama.kvDtype}, context ${llama.maxSeqLen} tokens`,
  ];
  if (llama.weightCache.folder !== null) lines.push(`weights ${llama.weightCache.state}: ${llama.weightCache.folder}`);
  return lines;
}

/** "First failure: rank 1 of 2 in decode, layer 3." */
export function placeLine({ rank, worldSize, phase, layer }: FailurePlace): string {
  return `First failure: rank ${rank} of ${worldSize} in ${phase}${layer === null ? "" : `, layer ${layer}`}.`;
}

/** What each rank has read and holds in memory, in rank order. */
export function loadLines({ load, threadsPerRank }: Pick<RankFigures, "load" | "threadsPerRank">): string[] {
  return load.map(
    ({ bytesRead, milliseconds, memory }, rank) =>
      `rank ${rank}: read ${showBytes(bytesRead)} in ${Math.round(milliseconds)} ms, holds ${showBytes(memory)}, ${plural(threadsPerRank, "thread")}`,
  );
}

/** How each rank spent its time, in rank order: "rank 0: 17 steps in 52 ms: 71 % computing, 22 % in sums, 7 % idle" */
export function timeLines({ rankTimes }: Pick<RankFigures, "rankTimes">): string[] {
  return rankTimes.map(({ steps, total, computing, summing, idle }, rank) => {
    const share = (part: number) => `${total > 0 ? Math.round((part * 100) / total) : 0} %`;
    const shares = `${share(computing)} computing, ${share(summing)} in sums, ${share(idle)} idle`;
    return `rank ${rank}: ${plural(steps, "step")} in ${Math.round(total)} ms: ${shares}`;
  });
}

/** A warning if there are more threads than cores. */
export function coreLines({ worldSize, threadsPerRank }: Pick<Llama, "worldSize" | "threadsPerRank">): string[] {
  const cores = availableCores();
  if (worldSize * threadsPerRank <= cores) return [];
  const threads = `${plural(worldSize, "rank")} of ${plural(threadsPerRank, "thread")} on ${plural(cores, "core")}`;
  return [`Warning: ${threads} wait for each other (set --nproc_per_node or --threads).`];
}

/** "1.53 M", "6.74 B" */
export function count(amount: number): string {
  return amount >= 1e9 ? `${(amount / 1e9).toFixed(2)} B` : `${(amount / 1e6).toFixed(2)} M`;
}

/** "12.3 tok/s" */
export function rate(tokensPerSecond: number): string {
  return `${tokensPerSecond.toFixed(tokensPerSecond >= 100 ? 0 : tokensPerSecond >= 10 ? 1 : 2)} tok/s`;
}

/** Warnings about what the checkpoint has but the model does not use, for example layers that params.json omits. */
export function unusedLines({
  unexpectedTensors,
  differingTensors,
  unknownParams,
  remarks,
}: Pick<Llama, "unexpectedTensors" | "differingTensors" | "unknownParams" | "remarks">): string[] {
  const lines = remarks.map((remark) => `Warning: ${remark}`);
  if (unexpectedTensors.length > 0) {
    const names = firstFew(unexpectedTensors);
    lines.push(`Warning: tensors of the checkpoint that the model does not have are not used: ${names}`);
  }
  if (differingTensors.length > 0) {
    const few = firstFew(differingTensors.map(({ name, file, largest }) => `${name} in ${file} by up to ${largest}`));
    lines.push(`Warning: tensors that should be equal in all files differ; the first file's are used: ${few}`);
    lines.push("The files may belong to different checkpoints.");
  }
  if (unknownParams.length > 0) {
    lines.push(
      `Warning: unknown keys of params.json, config.json or a GGUF file are not used: ${firstFew(unknownParams)}`,
    );
  }
  return lines;
}

/** Warnings about a context that is not the model's: larger because it was asked for, or smaller because of memory. */
export function contextLines({ config, maxSeqLen }: Pick<Llama, "config" | "maxSeqLen">, isAsked: boolean): string[] {
  const own = config.contextLength ?? maxSeqLen;
  if (maxSeqLen > own) {
    return [
      `Warning: --max_seq_len ${maxSeqLen} is beyond the model's context of ${own} tokens; text after them may make no sense.`,
    ];
  }
  if (isAsked || maxSeqLen === own) return [];
  return [
    `Context of ${maxSeqLen} tokens: the model's ${own} need more memory than there is (--max_seq_len changes it).`,
  ];
}

/** A warning about a prompt that is longer than the model's context. */
export function promptLines({ config }: Pick<Llama, "config">, { promptIds }: Pick<Completion, "promptIds">): string[] {
  if (promptIds.length <= (config.contextLength ?? Number.POSITIVE_INFINITY)) return [];
  const prompt = plural(promptIds.length, "token");
  return [`Warning: the prompt has ${prompt}, more than the model's context of ${config.contextLength} tokens.`];
}

/** The type that "auto" chose if it is not fp32, and why the weights could not be cached. */
export function typeLines({ weightCache, dtype, parameterCount, config }: Llama, requested: string): string[] {
  const lines: string[] = [];
  if (requested === "auto" && dtype !== "fp32") {
    const isStored = storedType(config) === dtype;
    const full = isStored ? "the blocks of the file" : "use --dtype fp32 for the full weights";
    lines.push(`${count(parameterCount)} parameters: running in ${dtype} (${full}).`);
  }
  if (weightCache.state === "failed") {
    lines.push(`Warning: cannot cache the quantised weights for the next start: ${quoted(weightCache.problem ?? "")}`);
  }
  return lines;
}
