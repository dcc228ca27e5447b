/** Meta's generate(), and text_completion() and chat_completion() on top of it: token lists continued as one batch with one budget. Knows no streams. */
import { CHAT_CHOICE } from "../chat/chat-choice.js";
import { type ChatChoice, NO_STOPS } from "../chat/chat-format.js";
import type { ChatPrediction, DialogInput } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import { checkOptions } from "../options/check-options.js";
import { logSoftmaxAt } from "../sampling/logprobs.js";
import {
  type FinishReason,
  GENERATE_TYPES,
  type GenerateOptions,
  resolveMaxGenLen,
  resolveSampling,
  resolveStop,
} from "../sampling/options.js";
import { randomSeed } from "../sampling/random.js";
import { checkPrompt } from "../scheduling/prompt-check.js";
import type { GenerationRequest } from "../scheduling/request.js";
import { GenerationStats } from "../scheduling/stats.js";
import { CompletionText } from "./completion-text.js";
import { dialogOf } from "./encode-prompt.js";
import { createRequest } from "./make-request.js";
import type { CompletionPrediction, GenerateResult } from "./results.js";

/** Token lists continued; with stop strings, also the text of each. */
export async function generateIds(
  model: ModelContext,
  promptIds: readonly (readonly number[])[],
  options: GenerateOptions,
  stopIds: ReadonlySet<number> = NO_STOPS,
): Promise<{ result: GenerateResult; texts: (string | null)[] }> {
  checkOptions(options, GENERATE_TYPES);
  const { logprobs = false, echo = false } = options;
  const stop = resolveStop(options);
  const maxGenLen = resolveMaxGenLen(options, model.maxSeqLen);
  const sampling = resolveSampling(options, model.config.vocabSize, randomSeed);
  promptIds.forEach((ids, i) => {
    checkPrompt(ids, i, model);
  });
  const lengths = promptIds.map((ids) => ids.length);
  const totalLength = Math.min(model.maxSeqLen, maxGenLen + Math.max(...lengths));
  const texts = promptIds.map((ids) =>
    stop.length > 0 ? new CompletionText(model.tokenizer.detokenizer(), stop, echo ? ids : []) : null,
  );
  const tokens = promptIds.map((ids) => (echo ? [...ids] : []));
  // As in Meta's code, the first token of a prompt, which follows nothing, has 0.
  const values = promptIds.map((ids) => Array<number>(logprobs && echo ? ids.length : 0).fill(0));
  // Meta's generate() scores a batch without room for new tokens unshifted: position t by its own logits.
  const shift = Math.min(...lengths) === totalLength ? 0 : 1;
  const stats = new GenerationStats();
  const stopsOf = new Set([...model.tokenizer.stopIds, ...stopIds]);
  if (options.form !== undefined) await model.forms.prepare(options.form);
  const requests = promptIds.map((ids, i): GenerationRequest => {
    const take = (index: number, logits: Float32Array) => {
      const scored = ids[index + shift];
      if (scored !== undefined) values[i]![index + shift] = logSoftmaxAt(logits, scored);
    };
    // The new tokens are decoded by themselves, as at the start of a text.
    const base = {
      promptIds: ids,
      maxTokens: Math.min(maxGenLen, totalLength - ids.length),
      ...{
        stopIds: stopsOf,
        tokenCount: model.tokenizer.vocabSize,
        logprobs,
        stats,
        isDisposable: true,
        cachePrompt: options.cachePrompt ?? true,
      },
      ...model.lookup(options, sampling),
      ...(options.form !== undefined && { constraint: model.forms.constraint(options.form, [], stopsOf) }),
      ...(logprobs && echo && { score: { from: 0, take } }),
    };
    return createRequest(base, { ...sampling, seed: sampling.seed + i }, texts[i]);
  });

  const finishReasons: FinishReason[] = [];
  const prefilled = promptIds.map(() => 0);
  const total = requests.reduce((sum, { maxTokens, score }, i) => sum + (maxTokens > 0 || score ? lengths[i]! : 0), 0);
  const run = async (i: number, signal: AbortSignal): Promise<number> => {
    for await (const event of model.loop.submit(requests[i]!, signal)) {
      if (event.kind === "prefill") {
        prefilled[i] = event.done;
        options.onPrompt?.(
          prefilled.reduce((sum, done) => sum + done),
          total,
        );
      } else if (event.kind === "token") {
        tokens[i]!.push(event.id);
        values[i]!.push(event.logprob ?? 0);
      } else if (event.kind === "end") finishReasons[i] = event.reason;
    }
    return i;
  };
  for await (const _ of model.feed(promptIds.keys(), run, options)) {
    // Each writes to its own place.
  }
  for (const [i, list] of tokens.entries()) {
    const text = texts[i];
    text?.flush();
    if (text) list.length = text.idCount + (echo ? promptIds[i]!.length : 0);
    // Meta searches the echoed prompt too.
    const end = list.findIndex((id) => model.tokenizer.stopIds.has(id));
    if (end >= 0) list.length = end;
    values[i]!.length = Math.min(list.length, values[i]!.length);
  }
  const timings = stats.timings();
  const result = { tokens, logprobs: logprobs ? values : null, finishReasons, seed: sampling.seed, timings };
  return { result, texts: texts.map((text) => text?.text ?? null) };
}

/** Texts continued. */
export async function completeTexts(
  model: ModelContext,
  prompts: readonly string[],
  options: GenerateOptions,
): Promise<CompletionPrediction[]> {
  const promptIds = await Promise.all(prompts.map((prompt, i) => model.promptIds(prompt, i, options.parseSpecial)));
  const { result, texts } = await generateIds(model, promptIds, options);
  return result.tokens.map((ids, i) => {
    // With stop strings the text ends within a token, so that it is not what the tokens decode to.
    const before = options.echo ? model.tokenizer.decode(promptIds[i]!) : "";
    const generation = texts[i] === null ? model.tokenizer.decode(ids) : before + texts[i];
    return { generation, finishReason: result.finishReasons[i]!, ...tokenTexts(model, result, i) };
  });
}

const { echo: _echo, parseSpecial: _parse, ...generateTypes } = GENERATE_TYPES;
const DIALOG_TYPES = { ...generateTypes, chat: CHAT_CHOICE };

/** Options of chatCompletion(). */
export type DialogOptions = Omit<GenerateOptions, "echo" | "parseSpecial"> & { chat?: ChatChoice };

/** Dialogs answered. */
export async function completeDialogs(
  model: ModelContext,
  inputs: readonly DialogInput[],
  { chat, ...options }: DialogOptions,
): Promise<ChatPrediction[]> {
  checkOptions({ chat, ...options }, DIALOG_TYPES);
  const format = model.dialogFormat(chat);
  const dialogs = inputs.map((messages) => dialogOf(model, format, messages));
  const promptIds = dialogs.map((dialog) => format.encodeDialog(dialog));
  const { result, texts } = await generateIds(model, promptIds, options, format.stopIds);
  return result.tokens.map((ids, i) => {
    const refusal = format.refusal(dialogs[i]!.map(({ content }) => content));
    const content = refusal ?? texts[i] ?? model.tokenizer.decode(ids);
    const finishReason = result.finishReasons[i]!;
    return { generation: { role: "assistant", content }, finishReason, ...tokenTexts(model, result, i) };
  });
}

/** With log-probabilities Meta returns tokens as well, each decoded by itself. */
function tokenTexts({ tokenizer }: ModelContext, { tokens, logprobs }: GenerateResult, row: number) {
  if (logprobs === null) return {};
  return { tokens: tokens[row]!.map((id) => tokenizer.decode([id])), logprobs: logprobs[row]! };
}
