/** What a prompt must be before it is run: some tokens, all of the vocabulary, and no more than the context holds. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../../model/config/config.js";

/** Throws LlamaError (usage) that names the prompt by its place in the batch. */
export function checkPrompt(
  ids: readonly number[],
  index: number,
  model: { readonly config: Pick<ModelConfig, "vocabSize">; readonly maxSeqLen: number },
): void {
  const { maxSeqLen, config } = model;
  const { vocabSize } = config;
  const where = `prompt ${index + 1}`;
  if (ids.length === 0) throw new LlamaError("usage", "has no tokens", { where });
  const foreign = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (foreign !== undefined) {
    const expected = `token ids from 0 to ${vocabSize - 1}`;
    throw new LlamaError("usage", "has an id outside the vocabulary", { where, expected, found: String(foreign) });
  }
  if (ids.length > maxSeqLen) {
    throw tooLong(index, String(ids.length), maxSeqLen);
  }
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
