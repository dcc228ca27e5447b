/** A model without its weights: it encodes and decodes texts, and knows what the model is. Runs nothing. */

import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { fingerprint } from "../../model/checkpoint/fingerprint.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { EncodeThread } from "../../tokenizer/loading/encode-thread.js";
import type { EncodeOptions, Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatChoice, ChatName } from "../chat/chat-format.js";
import { folderKind } from "../chat/folder-kind.js";
import type { Form } from "../form/form.js";
import type { BuildOptions } from "../loading/build-options.js";
import { DEFAULT_MAX_SEQ_LEN } from "../loading/context-length.js";
import { findModel, type ModelFiles, openModel, resolveSetup } from "../loading/open-model.js";
import { TextContext } from "../loading/text-context.js";
import type { ToolInput } from "../tools/tool.js";
import type { ToolUse, ToolUseOptions } from "../tools/tool-use.js";
import { encodePrompt, type Prompt, useTools } from "./encode-prompt.js";

export type TextModelOptions = Pick<BuildOptions, "ckptDir" | "tokenizerPath" | "maxSeqLen" | "dtype">;

export class TextModel {
  readonly context: TextContext;
  readonly files: ModelFiles;
  readonly checkpoint: Checkpoint;
  /** Type that the weights would have in memory. */
  readonly dtype: ComputeType;
  readonly #encoder: EncodeThread;

  private constructor(
    context: TextContext,
    files: ModelFiles,
    dtype: ComputeType,
    checkpoint: Checkpoint,
    encoder: EncodeThread,
  ) {
    this.context = context;
    this.files = files;
    this.dtype = dtype;
    this.checkpoint = checkpoint;
    this.#encoder = encoder;
  }

  /**
   * Reads the tokenizer and the description of the checkpoint. The context is as long as asked for, else as the model's own:
   * memory does not limit it here. Throws LlamaError for bad files.
   */
  static async open(options: TextModelOptions, files: ModelFiles = findModel(options)): Promise<TextModel> {
    const { checkpoint, encoder, tokenizer: source } = openModel(files);
    const { config } = checkpoint;
    const { dtype } = resolveSetup(checkpoint, { ...(options.dtype !== undefined && { dtype: options.dtype }) });
    const maxSeqLen = options.maxSeqLen ?? config.contextLength ?? DEFAULT_MAX_SEQ_LEN;
    const tokenizer = await source.load();
    const context = new TextContext(tokenizer, config, maxSeqLen, encoder, folderKind(options.ckptDir));
    return new TextModel(context, files, dtype, checkpoint, encoder);
  }

  /** Parameters in all tensors of the checkpoint. */
  get parameterCount(): number {
    return this.checkpoint.parameterCount;
  }

  /** The hash of the model's contents, equal for every copy of its files. Reads from them. */
  fingerprint(): string {
    return fingerprint(this.checkpoint, { path: this.files.tokenizerPath, vocabulary: this.tokenizer });
  }

  get tokenizer(): Tokenizer {
    return this.context.tokenizer;
  }

  get config(): ModelConfig {
    return this.context.config;
  }

  get maxSeqLen(): number {
    return this.context.maxSeqLen;
  }

  /** The chat format of a conversation if none is chosen. */
  get chatName(): ChatName {
    return this.context.guessedFormat;
  }

  /** As `encodePrompt` of a loaded model. */
  async encodePrompt(prompt: Prompt, parseSpecial = false): Promise<{ ids: number[]; stopIds: number[] }> {
    const { ids, stopIds } = encodePrompt(this.context, prompt, parseSpecial);
    return { ids: await ids, stopIds: [...stopIds] };
  }

  /** As `encodeText` of a loaded model. */
  async encodeText(text: string, options: EncodeOptions = {}): Promise<number[]> {
    return this.context.encodeText(text, options);
  }

  /** As `toolUse` of a loaded model. */
  toolUse(tools: readonly ToolInput[], options: ToolUseOptions & { chat?: ChatChoice } = {}): Promise<ToolUse> {
    return useTools(this.context, tools, options);
  }

  /** Whether the chat format of dialogs knows tools. */
  hasTools(chat?: ChatChoice): boolean {
    return this.context.dialogFormat(chat).tools.kind === "calls";
  }

  /** As `prepareForm` of a loaded model. */
  prepareForm(form: Form): Promise<void> {
    return this.context.forms.compile(form);
  }

  close(): Promise<void> {
    return this.#encoder.close();
  }
}
