/**
 * The library's face: a loaded model with the methods of Meta's generation.py.
 * Knows text, tokens and options; ranks and tensors are behind the engine.
 */
import { availableParallelism } from "node:os";
import type { CacheUse } from "../engine/cache-use.js";
import { Engine } from "../engine/engine.js";
import type { LoadReport } from "../engine/protocol.js";
import { defaultCacheRoot } from "../engine/weight-cache.js";
import { openCheckpoint } from "../model/checkpoint.js";
import type { ModelConfig } from "../model/config.js";
import { openFolder } from "../model/folder.js";
import { type ComputeType, chooseType } from "../model/linear.js";
import { autoWorldSize } from "../model/partition.js";
import { type BatchAnswer, type BatchOptions, type BatchRequest, type Prepare, runBatch } from "./batch.js";
import type { BuildOptions } from "./build-options.js";
import { type GenerationRow, generateTokens } from "./generate.js";
import {
  checkCount,
  type FinishReason,
  type GenerateOptions,
  type ResolvedSampling,
  resolveLookup,
  resolveSampling,
} from "./options.js";
import { checkPrompt } from "./prompt-check.js";
import { promptLogprobs } from "./prompt-logprobs.js";
import { createRandom, randomSeed } from "./random.js";
import type { CompletionPrediction, GenerateResult, StreamEvent } from "./results.js";
import { createSampler } from "./sampler.js";
import { Speculation } from "./speculation.js";
import { GenerationStats } from "./stats.js";
import { StepCost } from "./step-cost.js";
import { TokenScores } from "./token-scores.js";
import { loadTokenizer, type Tokenizer } from "./tokenizer.js";
import { findTokenizer } from "./tokenizer-place.js";

/** Context length when none is asked for, as ModelArgs.max_seq_len in Meta's model.py. */
const DEFAULT_MAX_SEQ_LEN = 2048;

export class Llama {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly maxSeqLen: number;
  /** Parameters in all tensors of the checkpoint. */
  readonly parameterCount: number;
  /** Files the checkpoint is split into. */
  readonly shardCount: number;
  /** From the call of build() to readiness, in milliseconds. */
  readonly loadMs: number;
  /** Tensors in the files that the model does not use. */
  readonly unexpectedTensors: readonly string[];
  /** Keys of params.json or config.json that the model does not use. */
  readonly unknownParams: readonly string[];
  readonly #engine: Engine;
  /** Learned over all calls. */
  readonly #stepCost: StepCost;

  private constructor(parts: {
    tokenizer: Tokenizer;
    engine: Engine;
    checkpoint: ReturnType<typeof openCheckpoint>;
    maxSeqLen: number;
    loadMs: number;
  }) {
    this.tokenizer = parts.tokenizer;
    this.config = parts.checkpoint.config;
    this.parameterCount = parts.checkpoint.parameterCount;
    this.shardCount = parts.checkpoint.shardCount;
    this.unexpectedTensors = parts.checkpoint.unexpected;
    this.unknownParams = parts.checkpoint.unknownParams;
    this.maxSeqLen = parts.maxSeqLen;
    this.loadMs = parts.loadMs;
    this.#engine = parts.engine;
    this.#stepCost = new StepCost(parts.engine.dtype);
  }

  /** Loads a checkpoint. Throws LlamaError for anything the user can mend. */
  static async build(options: BuildOptions): Promise<Llama> {
    const start = performance.now();
    const { ckptDir, nprocPerNode = "auto", dtype = "auto", maxSeqLen = DEFAULT_MAX_SEQ_LEN, onProgress } = options;
    checkCount("max_seq_len", maxSeqLen, 1);
    checkCount("threads", options.threadsPerRank, 1);
    // A wrong folder is told before the tokenizer that is missing with it.
    openFolder(ckptDir);
    const tokenizer = await loadTokenizer(options.tokenizerPath ?? findTokenizer(ckptDir));
    const checkpoint = openCheckpoint(ckptDir, tokenizer.vocabSize);
    const type = dtype === "auto" ? chooseType(checkpoint.parameterCount) : dtype;
    const worldSize =
      nprocPerNode === "auto"
        ? autoWorldSize(checkpoint.config, availableParallelism(), checkpoint.shardCount, type !== "fp32")
        : nprocPerNode;
    const total = checkpoint.byteLength;
    const engine = await Engine.start(checkpoint, {
      worldSize,
      dtype: type,
      maxSeqLen,
      cacheRoot: options.cacheDir === undefined ? defaultCacheRoot() : options.cacheDir,
      ...(options.threadsPerRank !== undefined && { threadsPerRank: options.threadsPerRank }),
      ...(onProgress && { onProgress: (bytes: number) => onProgress(Math.min(bytes, total), total) }),
      ...(options.signal && { signal: options.signal }),
    });
    return new Llama({ tokenizer, engine, checkpoint, maxSeqLen, loadMs: performance.now() - start });
  }

  /** Ranks the model runs on. */
  get worldSize(): number {
    return this.#engine.worldSize;
  }

  /** Threads of each rank. */
  get threadsPerRank(): number {
    return this.#engine.threadsPerRank;
  }

  /** Type of the weights in memory. */
  get dtype(): ComputeType {
    return this.#engine.dtype;
  }

  /** What each rank read, and how long that took. */
  get load(): readonly LoadReport[] {
    return this.#engine.load;
  }

  /** What became of the cache of quantised weights in this start. */
  get cache(): CacheUse {
    return this.#engine.cache;
  }

  /** Logits [vocabSize] after the last id. */
  async logits(ids: readonly number[]): Promise<Float32Array> {
    checkPrompt(ids, 0, this);
    const sequence = this.#engine.newSequence();
    try {
      const [last] = await this.#engine.forward([{ sequence, position: 0, tokens: ids, logits: "last" }]);
      return last!;
    } finally {
      this.#engine.release(sequence);
    }
  }

  /** Meta's generate(): continues token lists, as one batch with one budget of min(maxSeqLen, maxGenLen + longest prompt). */
  async generate(promptIds: readonly (readonly number[])[], options: GenerateOptions = {}): Promise<GenerateResult> {
    const { logprobs = false, echo = false } = options;
    const maxGenLen = this.#maxGenLen(options);
    const sampling = resolveSampling(options, randomSeed);
    const speculation = this.#speculation(options, sampling);
    promptIds.forEach((ids, i) => {
      checkPrompt(ids, i, this);
    });
    const lengths = promptIds.map((ids) => ids.length);
    const totalLength = Math.min(this.maxSeqLen, maxGenLen + Math.max(...lengths));
    const rows = promptIds.map((ids, i) =>
      this.#row(ids, Math.min(maxGenLen, totalLength - ids.length), { ...sampling, seed: sampling.seed + i }, logprobs),
    );

    const stats = new GenerationStats();
    const tokens: number[][] = promptIds.map((ids) => (echo ? [...ids] : []));
    const values: number[][] = [];
    // Meta's generate() scores a batch without room for new tokens unshifted: position t by its own logits.
    const shift = Math.min(...lengths) === totalLength ? 0 : 1;
    const { vocabSize } = this.config;
    for (const ids of promptIds) {
      values.push(logprobs && echo ? await promptLogprobs(this.#engine, vocabSize, ids, shift) : []);
    }
    const finishReasons: FinishReason[] = [];
    for await (const event of generateTokens(
      this.#engine,
      rows,
      stats,
      speculation,
      options.signal,
      options.onPrompt,
    )) {
      if (event.id === null) finishReasons[event.row] = event.finishReason;
      else {
        tokens[event.row]!.push(event.id);
        values[event.row]!.push(event.logprob ?? 0);
      }
    }
    for (const [i, list] of tokens.entries()) {
      // Meta searches the echoed prompt too.
      const stop = list.findIndex((id) => this.tokenizer.stopIds.has(id));
      if (stop >= 0) {
        list.length = stop;
        values[i]!.length = Math.min(stop, values[i]!.length);
      }
    }
    const result = { tokens, finishReasons, seed: sampling.seed, timings: stats.timings() };
    return { ...result, logprobs: logprobs ? values : null };
  }

  /** Meta's text_completion(): prompts are encoded with a beginning-of-sentence token. */
  async textCompletion(prompts: readonly string[], options: GenerateOptions = {}): Promise<CompletionPrediction[]> {
    const promptIds = prompts.map((prompt) => this.tokenizer.encode(prompt, { bos: true, eos: false }));
    const { tokens, logprobs } = await this.generate(promptIds, options);
    return tokens.map((ids, i) => ({
      generation: this.tokenizer.decode(ids),
      ...(logprobs && { tokens: ids.map((id) => this.tokenizer.decode([id])), logprobs: logprobs[i]! }),
    }));
  }

  /**
   * Continues one prompt and hands out text as it becomes final; prompt + text is the whole text, spaces included.
   * A text prompt gets a beginning-of-sentence token; token ids are taken as they are. Leaving the loop ends the generation.
   */
  async *stream(
    prompt: string | readonly number[],
    options: GenerateOptions = {},
  ): AsyncGenerator<StreamEvent, void, void> {
    const promptIds =
      typeof prompt === "string" ? this.tokenizer.encode(prompt, { bos: true, eos: false }) : [...prompt];
    const { row, sampling } = this.#prepare(promptIds, options);
    const speculation = this.#speculation(options, sampling);
    const stats = new GenerationStats();
    const scores = new TokenScores(this.tokenizer, promptIds, options);
    const detokenizer = this.tokenizer.detokenizer();
    detokenizer.prime(promptIds);
    const ids: number[] = [];
    let all = "";
    for await (const event of generateTokens(
      this.#engine,
      [scores.row(row)],
      stats,
      speculation,
      options.signal,
      options.onPrompt,
    )) {
      const text = event.id === null ? detokenizer.flush() : detokenizer.push(event.id);
      all += text;
      if (event.id === null) {
        const { finishReason } = event;
        const { seed } = sampling;
        const logprobs = { logprobs: scores.tokens, promptLogprobs: scores.prompt };
        const done = { text: all, ids, promptIds, finishReason, seed, timings: stats.timings(), ...logprobs };
        yield { id: null, text, done };
      } else {
        ids.push(event.id);
        yield { id: event.id, text, logprob: scores.add(event, text), done: null };
      }
    }
  }

  /**
   * Continues any number of prompts, as many at once as the options allow, and hands out each answer when it is whole. Requests
   * are asked for as there is room for them. One that cannot be answered gets an error for an answer; only a failure of the
   * model itself is thrown. Leaving the loop ends what runs.
   */
  batch<T>(
    requests: AsyncIterable<BatchRequest<T>> | Iterable<BatchRequest<T>>,
    options: BatchOptions = {},
  ): AsyncGenerator<BatchAnswer<T>, void, void> {
    const prepare: Prepare = (prompt, options) => {
      const ids = typeof prompt === "string" ? this.tokenizer.encode(prompt, { bos: true, eos: false }) : prompt;
      return this.#prepare(ids, options);
    };
    // Requests may sample, so the clock has no say.
    const speculation = this.#speculation(options, { temperature: 1 });
    return runBatch(this.#engine, this.tokenizer, prepare, speculation, requests, options);
  }

  /** Ends the ranks; the model cannot be used any more. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  #prepare(promptIds: readonly number[], options: GenerateOptions): { row: GenerationRow; sampling: ResolvedSampling } {
    checkPrompt(promptIds, 0, this);
    checkCount("logprobs", options.topLogprobs, 0);
    const sampling = resolveSampling(options, randomSeed);
    const budget = Math.min(this.#maxGenLen(options), this.maxSeqLen - promptIds.length);
    return { row: this.#row(promptIds, budget, sampling, options.logprobs ?? false), sampling };
  }

  #row(promptIds: readonly number[], maxTokens: number, sampling: ResolvedSampling, logprobs: boolean): GenerationRow {
    const sampler = createSampler(sampling);
    const random = createRandom(sampling.seed);
    const sample = (logits: Float32Array) => sampler(logits, random);
    return { promptIds, maxTokens, sample, stopIds: this.tokenizer.stopIds, logprobs };
  }

  #speculation(options: GenerateOptions, { temperature }: { temperature: number }): Speculation | null {
    const count = resolveLookup(options);
    if (count === 0) return null;
    // The same call must give the same text however busy the machine is. Only the most likely token of fp32 hardly ever
    // hangs on a last bit; quantised weights round activations to 8 bits, which makes of a last bit a larger step.
    const timed = temperature === 0 && this.dtype === "fp32";
    return new Speculation(count, timed ? this.#stepCost : new StepCost(this.dtype), timed);
  }

  #maxGenLen({ maxGenLen }: GenerateOptions): number {
    checkCount("max_gen_len", maxGenLen, 0);
    return maxGenLen ?? this.maxSeqLen - 1;
  }
}
