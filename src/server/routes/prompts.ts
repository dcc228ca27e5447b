/** The prompts of a completion request as ids, with the text that an echo repeats. Does not know choices. */
import { contextExceeded, invalid } from "../http/api-error.js";
import type { CompletionRequest } from "../schema/completion-request.js";
import type { ServerModel } from "../serving/server-model.js";

export interface PromptIds {
  ids: number[];
  /** Ids at the beginning that the client did not send and does not see. */
  hidden: number;
  text: string;
}

/** Encodes prompts; throws ApiError that names the one that cannot be run. */
export async function readPrompts(
  llama: ServerModel,
  request: Pick<CompletionRequest, "prompt" | "max_tokens" | "add_special_tokens">,
  hiddenBos: boolean,
): Promise<PromptIds[]> {
  const { prompt, max_tokens: maxTokens = 1, add_special_tokens: special = true } = request;
  const isOne = typeof prompt === "string" || typeof prompt[0] === "number";
  const prompts = (isOne ? [prompt] : prompt) as (string | number[])[];
  const { maxSeqLen } = llama;
  return Promise.all(
    prompts.map(async (one, i) => {
      const param = isOne ? "prompt" : `prompt[${i}]`;
      checkFits(llama, one, param);
      const read = typeof one === "string" ? await encode(llama, one, special) : withIds(llama, one, param, hiddenBos);
      const { length } = read.ids;
      if (length === 0) throw invalid(`${param} has no tokens`, param);
      if (length > maxSeqLen || (length === maxSeqLen && maxTokens > 0))
        throw contextExceeded(length, maxSeqLen, param);
      return read;
    }),
  );
}

/** Throws before a text is encoded that cannot fit. */
function checkFits({ tokenizer, maxSeqLen }: ServerModel, prompt: string | number[], param: string): void {
  const isText = typeof prompt === "string";
  const least = isText ? Math.ceil(Buffer.byteLength(prompt) / tokenizer.maxTokenBytes) : prompt.length;
  if (least > maxSeqLen) throw contextExceeded(least, maxSeqLen, param, isText);
}

async function encode(llama: ServerModel, text: string, special: boolean): Promise<PromptIds> {
  const { ids } = await llama.encodePrompt({ prompt: text });
  const { bosId, addsBos } = llama.tokenizer;
  return { ids: !special && addsBos && ids[0] === bosId ? ids.slice(1) : ids, hidden: 0, text };
}

/** Throws ApiError for ids outside the vocabulary. */
export function checkIds({ config, tokenizer }: ServerModel, ids: readonly number[], param: string): void {
  const size = Math.min(config.vocabSize, tokenizer.vocabSize);
  const foreign = ids.findIndex((id) => id >= size);
  if (foreign < 0) return;
  const where = `${param}[${foreign}]`;
  throw invalid(`${where} is ${ids[foreign]}, which is not a token id from 0 to ${size - 1}`, where);
}

function withIds(llama: ServerModel, ids: number[], param: string, hiddenBos: boolean): PromptIds {
  const { tokenizer } = llama;
  checkIds(llama, ids, param);
  const text = tokenizer.decode(ids);
  const { bosId, addsBos } = tokenizer;
  return hiddenBos && addsBos && bosId !== null && ids[0] !== bosId
    ? { ids: [bosId, ...ids], hidden: 1, text }
    : { ids, hidden: 0, text };
}
