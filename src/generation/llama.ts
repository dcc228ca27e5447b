/**
 * The library's face: a loaded model with the methods of Meta's generation.py.
 * Knows text, tokens and options; ranks and tensors are behind the engine.
 */
import { basename, resolve } from "node:path";
import type { Engine } from "../engine/engine.js";
import type { RankTimes } from "../engine/host/rank-times.js";
import type { LoadReport } from "../engine/shared/messages.js";
import type { CacheOutcome } from "../engine/weight-cache/cache-plan.js";
import type { ComputeType } from "../model/architecture/compute-type.js";
import type { Checkpoint } from "../model/checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config/config.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { chatFormat, guessFormat } from "./chat/choose-format.js";
import type { ChatPrediction, Dialog } from "./chat/dialog.js";
import { type BatchAnswer, type BatchOptions, type BatchRequest, runBatch } from "./completion/batch.js";
import { completeDialogs, completeTexts, generateIds } from "./completion/meta-generate.js";
import { checkPrompt } from "./completion/prompt-check.js";
import type { CompletionPrediction, GenerateResult, StreamEvent } from "./completion/results.js";
import { streamText } from "./completion/stream.js";
import { Conversation, type ConversationOptions } from "./conversation/conversation.js";
import {
  type LoadedConversation,
  openConversation,
  type SaveOptions,
  writeConversation,
} from "./conversation/conversation-file.js";
import { type BuildOptions, DEFAULT_MAX_SEQ_LEN, engineSettings } from "./loading/build-options.js";
import { checkMemory } from "./loading/memory-check.js";
import { ModelContext } from "./loading/model-context.js";
import { openModel, resolveSetup, startModel } from "./loading/open-model.js";
import { checkCount, type GenerateOptions } from "./sampling/options.js";
import type { FeedOptions, Requests } from "./scheduling/request-feed.js";
import { type PerplexityOptions, scoreText } from "./scoring/perplexity.js";
import { type ScoreAnswer, type ScoreRequest, scoreAll } from "./scoring/score.js";

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
  /** Tensors that all files should hold alike and do not; those of the first are used. */
  readonly differingTensors: Checkpoint["differing"];
  /** Keys of params.json or config.json that the model does not use. */
  readonly unknownParams: readonly string[];
  readonly #engine: Engine;
  readonly #run: ModelContext;
  /** Folder of the checkpoint. */
  readonly ckptDir: string;

  private constructor(parts: {
    ckptDir: string;
    tokenizer: Tokenizer;
    engine: Engine;
    checkpoint: Checkpoint;
    maxSeqLen: number;
    loadMs: number;
  }) {
    this.tokenizer = parts.tokenizer;
    this.config = parts.checkpoint.config;
    this.parameterCount = parts.checkpoint.parameterCount;
    this.shardCount = parts.checkpoint.shardCount;
    this.unexpectedTensors = parts.checkpoint.unexpected;
    this.differingTensors = parts.checkpoint.differing;
    this.unknownParams = parts.checkpoint.unknownParams;
    this.maxSeqLen = parts.maxSeqLen;
    this.loadMs = parts.loadMs;
    this.#engine = parts.engine;
    this.ckptDir = parts.ckptDir;
    this.#run = new ModelContext(parts.engine, parts.tokenizer, this.config, parts.maxSeqLen);
  }

  /** Loads a checkpoint. Throws LlamaError for anything the user can mend. */
  static async build(options: BuildOptions): Promise<Llama> {
    const start = performance.now();
    const { ckptDir, maxSeqLen = DEFAULT_MAX_SEQ_LEN } = options;
    checkCount("max_seq_len", maxSeqLen, 1);
    checkCount("threads", options.threadsPerRank, 1);
    const opened = openModel(options);
    const { checkpoint } = opened;
    const { worldSize, dtype } = resolveSetup(checkpoint, options);
    if (!options.force) checkMemory(checkpoint.config, worldSize, dtype, maxSeqLen);
    const settings = engineSettings(options, checkpoint.byteLength);
    const { engine, tokenizer } = await startModel(opened, { ...settings, worldSize, dtype, maxSeqLen });
    return new Llama({ ckptDir, tokenizer, engine, checkpoint, maxSeqLen, loadMs: performance.now() - start });
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

  /** How each rank has spent its time so far. */
  get rankTimes(): readonly RankTimes[] {
    return this.#engine.rankTimes;
  }

  /** What became of the cache of quantised weights in this start. */
  get weightCache(): CacheOutcome {
    return this.#engine.weightCache;
  }

  /** Logits [vocabSize] after the last id. Throws LlamaError (usage) for ids that are none, or too many for the context. */
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

  /**
   * Meta's generate(): continues token lists, as one batch with one budget of min(maxSeqLen, maxGenLen + longest prompt).
   * Like all that generates, it throws LlamaError (usage) for options and prompts that cannot be.
   */
  async generate(promptIds: readonly (readonly number[])[], options: GenerateOptions = {}): Promise<GenerateResult> {
    return (await generateIds(this.#run, promptIds, options)).result;
  }

  /** Meta's text_completion(): prompts are encoded with a beginning-of-sentence token. */
  textCompletion(prompts: readonly string[], options: GenerateOptions = {}): Promise<CompletionPrediction[]> {
    return completeTexts(this.#run, prompts, options);
  }

  /**
   * Continues one prompt and hands out text as it becomes final; prompt + text is the whole text, spaces included.
   * A text prompt gets a beginning-of-sentence token; token ids are taken as they are. Leaving the loop ends the generation.
   */
  async *stream(
    prompt: string | readonly number[],
    options: GenerateOptions = {},
  ): AsyncGenerator<StreamEvent, void, void> {
    yield* streamText(this.#run, this.#run.promptIds(prompt), options);
  }

  /**
   * Continues any number of prompts or dialogs, as many at once as the options allow. Requests are asked for as there is room,
   * and each answer comes when it is whole: an error for a request that is wrong. Leaving the loop ends what runs.
   */
  batch<T>(
    requests: Requests<BatchRequest<T>>,
    options: BatchOptions = {},
  ): AsyncGenerator<BatchAnswer<T>, void, void> {
    return runBatch(this.#run, requests, options);
  }

  /** Log-probabilities (natural) of continuations after contexts, in the manner of batch(). */
  score<T>(requests: Requests<ScoreRequest<T>>, options: FeedOptions = {}): AsyncGenerator<ScoreAnswer<T>, void, void> {
    return scoreAll(this.#run, requests, options);
  }

  /** Sum of the log-probabilities (natural) of a text's tokens, in windows that overlap. */
  scoreText(ids: readonly number[], options: PerplexityOptions): Promise<{ logprob: number; tokens: number }> {
    return scoreText(this.#run, ids, options);
  }

  /** A conversation with the model, which keeps what it has computed. */
  conversation({ chat = "auto", system = null }: ConversationOptions = {}): Conversation {
    const name = chat === "auto" ? guessFormat(this.tokenizer, basename(resolve(this.ckptDir))) : chat;
    const format = chatFormat(name, this.tokenizer, this.config);
    const sequence = this.#engine.newSequence();
    const conversation = new Conversation(
      format,
      this.maxSeqLen,
      sequence,
      (ids, options, kept) => streamText(this.#run, [...ids], options, kept),
      () => this.#engine.release(sequence),
    );
    conversation.system = system;
    return conversation;
  }

  /** Writes a conversation to a file, whole or not at all. */
  saveConversation(conversation: Conversation, file: string, options: SaveOptions = {}): Promise<void> {
    return writeConversation(this.#engine, conversation, file, options);
  }

  /** A conversation from a file; its keys and values are taken over if they are this model's, else computed again. */
  async loadConversation(file: string): Promise<LoadedConversation> {
    const session = await openConversation(file);
    try {
      const { chat, system, settings } = session.header;
      const conversation = this.conversation({ chat, system });
      try {
        return { conversation, settings, cache: await session.fill(this.#engine, conversation, this.tokenizer) };
      } catch (error) {
        conversation.close();
        throw error;
      }
    } finally {
      await session.close();
    }
  }

  /** Ids of a dialog as Meta's code of the tokenizer's family writes them, up to where the answer begins; throws LlamaError where that asserts. */
  encodeDialog(dialog: Dialog): number[] {
    return this.#run.dialogFormat.encodeDialog(dialog);
  }

  /** Meta's chat_completion(): answers dialogs, as one batch. Text that may not stand in one is answered by Meta's error text. */
  chatCompletion(dialogs: readonly Dialog[], options: Omit<GenerateOptions, "echo"> = {}): Promise<ChatPrediction[]> {
    return completeDialogs(this.#run, dialogs, options);
  }

  /** Ends the ranks; the model cannot be used any more. */
  close(): Promise<void> {
    return this.#engine.close();
  }
}
