/**
 * The library's face: a loaded model with the methods of Meta's generation.py.
 * Knows text, tokens and options; does not know ranks and tensors.
 */
import type { ModelEngine } from "../engine/host/model-engine.js";
import type { RankTimes } from "../engine/host/rank-times.js";
import { machineMemory } from "../engine/machine/machine-memory.js";
import type { LoadReport } from "../engine/shared/messages.js";
import type { CacheOutcome } from "../engine/weight-cache/cache-plan.js";
import type { ComputeType } from "../model/architecture/compute-type.js";
import type { KvType } from "../model/architecture/kv-type.js";
import type { Checkpoint } from "../model/checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config/config.js";
import type { EncodeThread } from "../tokenizer/loading/encode-thread.js";
import type { EncodeOptions, Tokenizer } from "../tokenizer/tokenizer.js";
import type { ChatChoice, ChatName } from "./chat/chat-format.js";
import type { ChatPrediction, DialogInput } from "./chat/dialog.js";
import { folderKind } from "./chat/folder-kind.js";
import { type BatchAnswer, type BatchOptions, type BatchRequest, runBatch } from "./completion/batch.js";
import { type ChatPrompt, encodeDialog, encodePrompt, type Prompt, useTools } from "./completion/encode-prompt.js";
import { completeDialogs, completeTexts, type DialogOptions, generateIds } from "./completion/meta-generate.js";
import type { CompletionPrediction, GenerateResult, StreamEvent } from "./completion/results.js";
import { streamText } from "./completion/stream.js";
import { type CompletionEvent, SUBMIT_TYPES, type SubmitOptions, submitPrompt } from "./completion/submit.js";
import { CONVERSATION_TYPES, type Conversation, type ConversationOptions } from "./conversation/conversation.js";
import { type LoadedConversation, type SaveOptions, writeConversation } from "./conversation/conversation-file.js";
import { loadConversation } from "./conversation/load-conversation.js";
import { startConversation } from "./conversation/start-conversation.js";
import type { Form } from "./form/form.js";
import { type BuildOptions, checkBuildOptions, engineSettings } from "./loading/build-options.js";
import { resolveMaxSeqLen, sharedLength } from "./loading/context-length.js";
import { checkMemory } from "./loading/memory-check.js";
import { ModelContext } from "./loading/model-context.js";
import { findModel, type ModelFiles, openModel, resolveSetup, startModel } from "./loading/open-model.js";
import { checkOptions } from "./options/check-options.js";
import type { GenerateOptions } from "./sampling/options.js";
import type { FeedOptions, Requests } from "./scheduling/in-flight.js";
import { type LoopLimits, resolveLimits } from "./scheduling/request-limits.js";
import { type RequestCounts, RequestLoop } from "./scheduling/request-loop.js";
import { lastLogits } from "./scoring/last-logits.js";
import { type PerplexityOptions, scoreText } from "./scoring/perplexity.js";
import { type ScoreAnswer, type ScoreRequest, scoreAll } from "./scoring/score.js";
import type { ToolInput } from "./tools/tool.js";
import type { ToolUse, ToolUseOptions } from "./tools/tool-use.js";

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
  /** Keys of params.json, config.json or a GGUF file that the model does not use. */
  readonly unknownParams: readonly string[];
  /** What the user should know about how the model was read, a sentence each. */
  readonly remarks: readonly string[];
  readonly #engine: ModelEngine;
  readonly #encoder: EncodeThread;
  readonly #loop: RequestLoop;
  readonly #model: ModelContext;
  /** Folder of the checkpoint. */
  readonly ckptDir: string;

  private constructor(parts: {
    ckptDir: string;
    tokenizer: Tokenizer;
    engine: ModelEngine;
    checkpoint: Checkpoint;
    limits: LoopLimits;
    encoder: EncodeThread;
    maxSeqLen: number;
    loadMs: number;
  }) {
    const { tokenizer, engine, encoder, maxSeqLen, checkpoint } = parts;
    ({ ckptDir: this.ckptDir, loadMs: this.loadMs, tokenizer: this.tokenizer, maxSeqLen: this.maxSeqLen } = parts);
    ({ config: this.config, parameterCount: this.parameterCount, shardCount: this.shardCount } = checkpoint);
    ({ unexpected: this.unexpectedTensors, differing: this.differingTensors } = checkpoint);
    this.unknownParams = checkpoint.unknownParams;
    this.remarks = checkpoint.remarks ?? [];
    this.#engine = engine;
    this.#encoder = encoder;
    this.#loop = new RequestLoop(engine, parts.limits, engine.dtype);
    const kind = folderKind(parts.ckptDir);
    this.#model = new ModelContext(this.#loop, tokenizer, this.config, maxSeqLen, engine.dtype, encoder, kind);
  }

  /** Loads a checkpoint. Throws LlamaError for anything the user can mend. `files`: what `findModel` returned for these options, if it was called before. */
  static async build(options: BuildOptions, files?: ModelFiles): Promise<Llama> {
    const start = performance.now();
    checkBuildOptions(options);
    const opened = openModel(files ?? findModel(options));
    const { checkpoint } = opened;
    const setup = resolveSetup(checkpoint, options);
    const { startEngine } = options;
    const maxSeqLen = resolveMaxSeqLen(options.maxSeqLen, checkpoint.config, setup, startEngine && { available: 0 });
    if (!options.force && !startEngine) checkMemory(checkpoint.config, setup.worldSize, setup, maxSeqLen);
    const settings = engineSettings(options, checkpoint.byteLength);
    const { engine, tokenizer } = await startModel(opened, { ...settings, ...setup, maxSeqLen }, startEngine);
    const limits = {
      ...resolveLimits(options, engine, maxSeqLen, machineMemory().available),
      ...sharedLength(checkpoint.config),
    };
    return new Llama({
      ...{ ckptDir: options.ckptDir, tokenizer, engine, checkpoint, limits, encoder: opened.encoder, maxSeqLen },
      loadMs: performance.now() - start,
    });
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

  /** Type of keys and values in memory. */
  get kvDtype(): KvType {
    return this.#engine.kvType;
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

  /** Logits [vocabSize] after the last id. Throws LlamaError (usage) for ids outside the vocabulary, or too many for the context. */
  logits(ids: readonly number[]): Promise<Float32Array> {
    return lastLogits(this.#model, ids);
  }

  /**
   * Meta's generate(): continues token lists, as one batch with one budget of min(maxSeqLen, maxGenLen + longest prompt). Like all that generates, it throws LlamaError (usage) for options and prompts that cannot be run.
   */
  async generate(promptIds: readonly (readonly number[])[], options: GenerateOptions = {}): Promise<GenerateResult> {
    return (await generateIds(this.#model, promptIds, options)).result;
  }

  /** Meta's text_completion(): prompts are encoded with a beginning-of-sentence token. */
  textCompletion(prompts: readonly string[], options: GenerateOptions = {}): Promise<CompletionPrediction[]> {
    return completeTexts(this.#model, prompts, options);
  }

  /**
   * Continues one prompt, or answers messages; yields text as it becomes final. Prompt + text is the whole text, spaces included.
   * A text prompt gets a beginning-of-sentence token; token ids are taken as they are. Leaving the loop ends the generation.
   */
  async *stream(
    prompt: string | readonly number[] | ChatPrompt,
    options: GenerateOptions = {},
  ): AsyncGenerator<StreamEvent, void, void> {
    const request = typeof prompt === "object" && "messages" in prompt ? prompt : { prompt };
    yield* streamText(this.#model, encodePrompt(this.#model, request, options.parseSpecial), options);
  }

  /**
   * Puts a request in the model's queue; its events tell what happens to it: where it waits, how far its prompt is, tokens with
   * their text, the end with the whole. Requests that run at once share steps; one that fails or is cancelled ends alone. Throws
   * LlamaError at once for a request that can never run, or when too many wait. Leaving the events, or `signal`, cancels it.
   */
  submit(options: SubmitOptions): AsyncIterableIterator<CompletionEvent> {
    checkOptions(options, SUBMIT_TYPES);
    const { signal, stopIds = [], cacheSalt = "", client = "", ...request } = options;
    const prompt = encodePrompt(this.#model, request, request.parseSpecial);
    const ends = { ...prompt, stopIds: new Set([...prompt.stopIds, ...stopIds]) };
    return submitPrompt(this.#model, ends, request, { isWatched: true, cacheSalt, client }, signal);
  }

  /** Why the model runs no request any more; null while it does. */
  get failure(): { error: unknown } | null {
    return this.#loop.failure;
  }

  /** Ids of a prompt or dialog as submit() would run them, and the tokens that end its answer beside the model's stops. */
  async encodePrompt(prompt: Prompt, parseSpecial = false): Promise<{ ids: number[]; stopIds: number[] }> {
    const { ids, stopIds } = encodePrompt(this.#model, prompt, parseSpecial);
    return { ids: await ids, stopIds: [...stopIds] };
  }

  /**
   * What tools mean for an answer: the form to submit it with, and the reader of its calls. The prompt takes the same tools.
   * Throws LlamaError (usage) where the chat format knows no tools, or for a schema that cannot be bound.
   */
  toolUse(tools: readonly ToolInput[], options: ToolUseOptions & { chat?: ChatChoice } = {}): Promise<ToolUse> {
    return useTools(this.#model, tools, options);
  }

  /** Whether the chat format of dialogs knows tools. */
  hasTools(chat?: ChatChoice): boolean {
    return this.#model.dialogFormat(chat).tools.kind === "calls";
  }

  /** Checks a form and compiles its grammar, which is then kept for requests. Throws LlamaError (usage) for what cannot be bound. */
  prepareForm(form: Form): Promise<void> {
    return this.#model.forms.compile(form);
  }

  /** Ids of any text, however long; a long one is encoded in a thread, so that nothing else waits. */
  async encodeText(text: string, options: EncodeOptions = {}): Promise<number[]> {
    return this.#model.encodeText(text, options);
  }

  /**
   * Continues any number of prompts or dialogs. Requests are asked for as there is room, and each answer comes when it is whole;
   * a request that is wrong is answered with its error. Leaving the loop ends what runs.
   */
  batch<T>(
    requests: Requests<BatchRequest<T>>,
    options: BatchOptions = {},
  ): AsyncGenerator<BatchAnswer<T>, void, void> {
    return runBatch(this.#model, requests, options);
  }

  /** Log-probabilities (natural) of continuations after contexts, in the manner of batch(). */
  score<T>(requests: Requests<ScoreRequest<T>>, options: FeedOptions = {}): AsyncGenerator<ScoreAnswer<T>, void, void> {
    return scoreAll(this.#model, requests, options);
  }

  /** Sum of the log-probabilities (natural) of a text's tokens, in windows that overlap. */
  scoreText(ids: readonly number[], options: PerplexityOptions): Promise<{ logprob: number; tokens: number }> {
    return scoreText(this.#model, ids, options);
  }

  /**
   * A conversation with the model. Its KV cache stays in memory as long as there is room, so that a turn runs only what is new;
   * one that had to go is computed again.
   */
  conversation(options: ConversationOptions = {}): Conversation {
    checkOptions(options, CONVERSATION_TYPES);
    const { chat, system = null } = options;
    return startConversation(this.#model, this.#model.conversationFormat(chat), system);
  }

  /** The chat format of a conversation if none is chosen: "none" for a model that only continues text. */
  get chatName(): ChatName {
    return this.#model.guessedFormat;
  }

  /** Writes a conversation as it is now to a file, whole or not at all. */
  saveConversation(conversation: Conversation, file: string, options: SaveOptions = {}): Promise<void> {
    return writeConversation(this.#engine, this.#loop, conversation, file, options);
  }

  /** A conversation from a file, in its chat format; its KV cache is restored if it is this model's, else computed again. */
  loadConversation(file: string, { chat = "auto" }: { chat?: ChatChoice } = {}): Promise<LoadedConversation> {
    return loadConversation(this.#engine, this.#model, file, chat);
  }

  /** Ids of a dialog as the model's chat template writes it, or without one Meta's code, up to where the answer begins; throws LlamaError where these refuse it. */
  encodeDialog(dialog: DialogInput, chat?: ChatChoice): number[] {
    return encodeDialog(this.#model, dialog, chat);
  }

  /** Meta's chat_completion(): answers dialogs, as one batch. Text that is not allowed in one is answered by Meta's error text. */
  chatCompletion(dialogs: readonly DialogInput[], options: DialogOptions = {}): Promise<ChatPrediction[]> {
    return completeDialogs(this.#model, dialogs, options);
  }

  /** Requests that run and that wait, ended ones whose KV caches are kept for later ones, and the memory of those caches. */
  get requestCounts(): RequestCounts {
    return this.#loop.counts;
  }

  /** Ends the ranks and all requests; the model cannot be used any more. */
  async close(): Promise<void> {
    await Promise.all([this.#engine.close(), this.#encoder.close()]);
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
