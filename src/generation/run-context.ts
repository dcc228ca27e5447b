/** What a generation runs on: the parts of a loaded model that its ways to generate share. */
import type { ModelConfig } from "../model/config.js";
import type { ComputeType } from "../model/linear.js";
import type { GenerationRow, KeptSequence } from "./generate.js";
import {
  checkCount,
  type GenerateOptions,
  type ResolvedSampling,
  resolveLookup,
  resolveMaxGenLen,
  resolveSampling,
  resolveStop,
} from "./options.js";
import { checkPrompt } from "./prompt-check.js";
import { randomSeed } from "./random.js";
import { createRow } from "./row.js";
import type { FedEngine } from "./row-feed.js";
import { RowText } from "./row-text.js";
import { Speculation } from "./speculation.js";
import { StepCost } from "./step-cost.js";
import type { Tokenizer } from "./tokenizer.js";

export interface PreparedRow {
  row: GenerationRow;
  sampling: ResolvedSampling;
  text: RowText;
}

export class RunContext {
  readonly engine: FedEngine;
  readonly dtype: ComputeType;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly maxSeqLen: number;
  /** Learned over all calls. */
  readonly #stepCost: StepCost;

  constructor(
    engine: FedEngine & { readonly dtype: ComputeType },
    tokenizer: Tokenizer,
    config: ModelConfig,
    maxSeqLen: number,
  ) {
    this.engine = engine;
    this.dtype = engine.dtype;
    this.tokenizer = tokenizer;
    this.config = config;
    this.maxSeqLen = maxSeqLen;
    this.#stepCost = new StepCost(engine.dtype);
  }

  speculation(options: GenerateOptions, { temperature }: { temperature: number }): Speculation | null {
    const count = resolveLookup(options);
    if (count === 0) return null;
    // The same call must give the same text however busy the machine is. Only the most likely token of fp32 hardly ever
    // hangs on a last bit; quantised weights round activations to 8 bits, which makes of a last bit a larger step.
    const timed = temperature === 0 && this.dtype === "fp32";
    return new Speculation(count, timed ? this.#stepCost : new StepCost(this.dtype), timed);
  }

  /** A row for one prompt, and the text it will have. */
  prepare(promptIds: readonly number[], options: GenerateOptions, kept?: KeptSequence): PreparedRow {
    checkPrompt(promptIds, 0, this);
    checkCount("logprobs", options.topLogprobs, 0);
    const sampling = resolveSampling(options, this.config.vocabSize, randomSeed);
    const maxTokens = Math.min(resolveMaxGenLen(options, this.maxSeqLen), this.maxSeqLen - promptIds.length);
    const text = new RowText(this.tokenizer.detokenizer(), resolveStop(options), promptIds);
    const { stopIds } = this.tokenizer;
    const logprobs = options.logprobs ?? false;
    const row = createRow({ promptIds, maxTokens, stopIds, logprobs, ...(kept && { kept }) }, sampling, text);
    return { row, sampling, text };
  }
}
