/** A loaded model as its ways to generate share it: tokenizer, shape and the one request loop. */
import { LlamaError } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import { type EncodeThread, LONG_TEXT } from "../../tokenizer/loading/encode-thread.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatFormat } from "../chat/chat-format.js";
import { chatFormat, familyFormat } from "../chat/choose-format.js";
import { checkCount, type GenerateOptions, resolveLookup } from "../sampling/options.js";
import { type FeedOptions, inFlight, type Requests } from "../scheduling/in-flight.js";
import { tooLong } from "../scheduling/prompt-check.js";
import type { GenerationRequest } from "../scheduling/request.js";
import type { RequestLoop } from "../scheduling/request-loop.js";

export class ModelContext {
  readonly loop: RequestLoop;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly maxSeqLen: number;
  readonly #dtype: ComputeType;
  readonly #encoder: EncodeThread | null;

  constructor(
    loop: RequestLoop,
    tokenizer: Tokenizer,
    config: ModelConfig,
    maxSeqLen: number,
    dtype: ComputeType,
    encoder: EncodeThread | null,
  ) {
    this.#encoder = encoder;
    this.loop = loop;
    this.tokenizer = tokenizer;
    this.config = config;
    this.maxSeqLen = maxSeqLen;
    this.#dtype = dtype;
  }

  /**
   * Ids of a prompt: a text gets a beginning-of-sentence token, ids are taken as they are. A long text is encoded in a thread.
   * Throws LlamaError (usage) for a text that cannot fit into the context, before it is encoded, and names it by
   * its place `index` in the call.
   */
  promptIds(prompt: string | readonly number[], index = 0): number[] | Promise<number[]> {
    if (typeof prompt !== "string") return [...prompt];
    const least = Math.ceil(Buffer.byteLength(prompt) / this.tokenizer.maxTokenBytes);
    if (least > this.maxSeqLen) throw tooLong(index, `at least ${least}`, this.maxSeqLen);
    if (prompt.length < LONG_TEXT || this.#encoder === null) return this.tokenizer.encode(prompt, { bos: true });
    const { bosId, addsBos } = this.tokenizer;
    return this.#encoder.encode(prompt).then((ids) => (addsBos && bosId !== null ? [bosId, ...ids] : ids));
  }

  /** The chat format that Meta's code uses for dialogs with this tokenizer. */
  get dialogFormat(): ChatFormat {
    return chatFormat(familyFormat(this.tokenizer), this.tokenizer, this.config);
  }

  /** How a request drafts tokens by prompt lookup. */
  lookup(
    options: GenerateOptions,
    { temperature }: { temperature: number },
  ): Pick<GenerationRequest, "lookup" | "timedLookup"> {
    // The same call must give the same text however busy the machine is. Only the most likely token of fp32 hardly ever
    // depends on a last bit; quantised weights round activations to 8 bits, which makes a larger step of a last bit.
    return { lookup: resolveLookup(options), timedLookup: temperature === 0 && this.#dtype === "fp32" };
  }

  /** Runs many requests of one call; answers come in the order in which they are done. */
  feed<R, A>(
    requests: Requests<R>,
    run: (request: R, signal: AbortSignal) => Promise<A>,
    { concurrency, signal }: FeedOptions,
  ): AsyncGenerator<A, void, void> {
    checkCount("concurrency", concurrency, 1);
    // As many wait as run, so that the end of one never finds the queue empty, and prefixes can be compared.
    return inFlight(requests, run, concurrency ?? 2 * this.loop.limits.maxRequests, signal);
  }

  /** The error if it is the request's own; throws any other: a bug, an abort, or a failure of the engine. */
  ownError(error: unknown): LlamaError {
    if (error instanceof LlamaError && error !== this.loop.failure?.error) return error;
    throw error;
  }
}
