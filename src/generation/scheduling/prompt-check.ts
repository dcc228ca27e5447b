/** What a prompt must be before it is run: some tokens, all of the vocabulary, and no more than the context holds. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { Vocabulary } from "../../tokenizer/tokenizer.js";

/** What a prompt is compared with. */
interface PromptModel {
  readonly config: Pick<ModelConfig, "vocabSize">;
  readonly tokenizer: Pick<Vocabulary, "vocabSize">;
  readonly maxSeqLen: number;
}

/** Throws LlamaError (usage) that names the prompt by its place in the batch. */
export function checkPrompt(ids: readonly number[], index: number, model: PromptModel): void {
  if (ids.length === 0) throw new LlamaError("usage", "has no tokens", { where: `prompt ${index + 1}` });
  checkIds(ids, `prompt ${index + 1}`, model);
  if (ids.length > model.maxSeqLen) throw tooLong(index, String(ids.length), model.maxSeqLen);
}

/** Throws LlamaError (usage) for an id that the model has no row for, though the tokenizer may have such a token. */
export function checkIds(
  ids: readonly number[],
  where: string,
  { config, tokenizer }: Omit<PromptModel, "maxSeqLen">,
): void {
  const { vocabSize } = config;
  const foreign = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (foreign === undefined) return;
  const isToken = foreign >= vocabSize && foreign < tokenizer.vocabSize;
  throw new LlamaError("usage", "has an id outside the vocabulary", {
    where,
    expected: `token ids from 0 to ${vocabSize - 1}`,
    found: String(foreign),
    ...(isToken && { fix: "The tokenizer has this token, but the model has no row for it in its embedding" }),
  });
}

/** The error for a prompt of `found` tokens. */
export function tooLong(index: number, found: string, maxSeqLen: number): LlamaError {
  return new LlamaError("usage", "is longer than the context", {
    where: `prompt ${index + 1}`,
    expected: `at most ${maxSeqLen} tokens`,
    found,
    fix: "Shorten the prompt or raise max_seq_len",
  });
}
