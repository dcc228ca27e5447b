/** Finds out for which model of a queue a command stands: its fingerprint and the type of its weights. Reads no matrix. */
import { findModel, type ModelFiles, openModel, resolveSetup } from "../../generation/loading/open-model.js";
import { fingerprint } from "../../model/checkpoint/fingerprint.js";
import { queueModel } from "../../net/queue/layout.js";
import type { ModelChoice } from "../model/choose-model.js";

export interface QueueIdentity {
  /** Names the streams of the model. */
  model: string;
  /** Of the contents of its files. */
  fingerprint: string;
  dtype: string;
  files: ModelFiles;
}

/** Throws LlamaError (model) for files that cannot be read. */
export function queueIdentity(choice: ModelChoice, flags: { dtype: "auto" | "fp32" | "int8" | "int4" }): QueueIdentity {
  const files = findModel(choice);
  const { checkpoint, tokenizer } = openModel(files);
  const { dtype } = resolveSetup(checkpoint, { dtype: flags.dtype });
  const hash = fingerprint(checkpoint, { path: files.tokenizerPath, vocabulary: tokenizer.vocabulary });
  return { model: queueModel(hash, dtype), fingerprint: hash, dtype, files };
}

/** "int8, fingerprint 0123456789abcdef, queue 0123456789abcdef" */
export function identityText({ dtype, fingerprint, model }: QueueIdentity): string {
  return `${dtype}, fingerprint ${fingerprint.slice(0, 16)}, queue ${model}`;
}
