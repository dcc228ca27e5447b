/** Meta's generate(), and text_completion() and chat_completion() on top of it: token lists continued as one batch with one budget. Knows no streams. */
import type { ChatPrediction, Dialog } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import { logSoftmaxAt } from "../sampling/logprobs.js";
import {
  type FinishReason,
  type GenerateOptions,
  resolveMaxGenLen,
  resolveSampling,
  resolveStop,
} from "../sampling/options.js";
import { randomSeed } from "../sampling/random.js";
import { generateTokens } from "../scheduling/loop.js";
import { GenerationStats } from "../scheduling/stats.js";
import { CompletionText } from "./completion-text.js";
import { createRequest } from "./make-request.js";
import { checkPrompt } from "./prompt-check.js";
import type { CompletionPrediction, GenerateResult } from "./results.js";

/** Token lists continued; with stop strings, also the text of each row. */
export async function generateIds(
  run: ModelContext,
  promptIds: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<{ result: GenerateResult; texts: (string | null)[] }> {
  const { logprobs = false, echo = false } = options;
  const stop = resolveStop(options);
  const maxGenLen = resolveMaxGenLen(options, run.maxSeqLen);
  const sampling = resolveSampling(options, run.config.vocabSize, randomSeed);
  const speculation = run.speculation(options, sampling);
  promptIds.forEach((ids, i) => {
    checkPrompt(ids, i, run);
  });
  const lengths = promptIds.map((ids) => ids.length);
  const totalLength = Math.min(run.maxSeqLen, maxGenLen + Math.max(...lengths));
  const texts = promptIds.map((ids) =>
    stop.length > 0 ? new CompletionText(run.tokenizer.detokenizer(), stop, echo ? ids : []) : null,
  );
  const tokens = promptIds.map((ids) => (echo ? [...ids] : []));
  // As in Meta's code, the first token of a prompt, which follows nothing, has 0.
  const values = promptIds.map((ids) => Array<number>(logprobs && echo ? ids.length : 0).fill(0));
  // Meta's generate() scores a batch without room for new tokens unshifted: position t by its own logits.
  const shift = Math.min(...lengths) === totalLength ? 0 : 1;
  const rows = promptIds.map((ids, i) => {
    const take = (index: number, logits: Float32Array) => {
      const scored = ids[index + shift];
      if (scored !== undefined) values[i]![index + shift] = logSoftmaxAt(logits, scored);
    };
    const row = {
      promptIds: ids,
      maxTokens: Math.min(maxGenLen, totalLength - ids.length),
      ...{ stopIds: run.tokenizer.stopIds, logprobs },
      ...(logprobs && echo && { score: { from: 0, take } }),
    };
    return createRequest(row, { ...sampling, seed: sampling.seed + i }, texts[i]);
  });

  const stats = new GenerationStats();
  const finishReasons: FinishReason[] = [];
  for await (const event of generateTokens(run.engine, rows, stats, speculation, options.signal, options.onPrompt)) {
    if (event.id === null) finishReasons[event.row] = event.finishReason;
    else {
      tokens[event.row]!.push(event.id);
      values[event.row]!.push(event.logprob ?? 0);
    }
  }
  for (const [i, list] of tokens.entries()) {
    const text = texts[i];
    text?.flush();
    if (text) list.length = text.idCount + (echo ? promptIds[i]!.length : 0);
    // Meta searches the echoed prompt too.
    const end = list.findIndex((id) => run.tokenizer.stopIds.has(id));
    if (end >= 0) list.length = end;
    values[i]!.length = Math.min(list.length, values[i]!.length);
  }
  const timings = stats.timings();
  const result = { tokens, logprobs: logprobs ? values : null, finishReasons, seed: sampling.seed, timings };
  return { result, texts: texts.map((text) => text?.text ?? null) };
}

/** Texts continued. */
export async function completeTexts(
  run: ModelContext,
  prompts: readonly string[],
  options: GenerateOptions,
): Promise<CompletionPrediction[]> {
  const promptIds = prompts.map((prompt) => run.promptIds(prompt));
  const { result, texts } = await generateIds(run, promptIds, options);
  return result.tokens.map((ids, i) => {
    // With stop strings the text ends within a token, so that it is not what the tokens decode to.
    const before = options.echo ? run.tokenizer.decode(promptIds[i]!) : "";
    const generation = texts[i] === null ? run.tokenizer.decode(ids) : before + texts[i];
    return { generation, ...tokenTexts(run, result, i) };
  });
}

/** Dialogs answered. */
export async function completeDialogs(
  run: ModelContext,
  dialogs: readonly Dialog[],
  options: GenerateOptions,
): Promise<ChatPrediction[]> {
  const format = run.dialogFormat;
  const promptIds = dialogs.map((dialog) => format.encodeDialog(dialog));
  const { result, texts } = await generateIds(run, promptIds, options);
  return result.tokens.map((ids, i) => {
    const refusal = format.refusal(dialogs[i]!.map(({ content }) => content));
    const content = refusal ?? texts[i] ?? run.tokenizer.decode(ids);
    return { generation: { role: "assistant", content }, ...tokenTexts(run, result, i) };
  });
}

/** With log-probabilities Meta hands out tokens as well, each decoded by itself. */
function tokenTexts({ tokenizer }: ModelContext, { tokens, logprobs }: GenerateResult, row: number) {
  if (logprobs === null) return {};
  return { tokens: tokens[row]!.map((id) => tokenizer.decode([id])), logprobs: logprobs[row]! };
}
