/** The parts of a loaded model that every way to generate or score shares. */
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatFormat } from "../chat/chat-format.js";
import { chatFormat, familyFormat } from "../chat/choose-format.js";
import { type GenerateOptions, resolveLookup } from "../sampling/options.js";
import type { FedEngine } from "../scheduling/request-feed.js";
import { Speculation } from "../speculation/speculation.js";
import { StepCost } from "../speculation/step-cost.js";

export class ModelContext {
  readonly engine: FedEngine & { readonly dtype: ComputeType };
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly maxSeqLen: number;
  /** Learned from the steps of all calls. */
  readonly #stepCost: StepCost;

  constructor(engine: ModelContext["engine"], tokenizer: Tokenizer, config: ModelConfig, maxSeqLen: number) {
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.config = config;
    this.maxSeqLen = maxSeqLen;
    this.#stepCost = new StepCost(engine.dtype);
  }

  /** The ids of a prompt: a text is encoded with a beginning-of-sentence token, ids are used unchanged. */
  promptIds(prompt: string | readonly number[]): number[] {
    return typeof prompt === "string" ? this.tokenizer.encode(prompt, { bos: true }) : [...prompt];
  }

  /** The chat format that Meta's code uses for dialogs with this tokenizer. */
  get dialogFormat(): ChatFormat {
    return chatFormat(familyFormat(this.tokenizer), this.tokenizer, this.config);
  }

  /** How a call chooses its draft tokens; null: no speculation. Throws LlamaError (usage) for a bad option. */
  speculation(options: GenerateOptions, { temperature }: { temperature: number }): Speculation | null {
    const count = resolveLookup(options);
    if (count === 0) return null;
    // The same call must give the same text however busy the machine is. Only with fp32 does the most likely token hardly
    // ever depend on a last bit; quantised weights round activations to 8 bits, which turns a last bit into a larger step.
    const { dtype } = this.engine;
    const timed = temperature === 0 && dtype === "fp32";
    return new Speculation(count, timed ? this.#stepCost : new StepCost(dtype), timed);
  }
}
