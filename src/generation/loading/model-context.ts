/** A loaded model as its ways to generate share it: its texts as tokens, and the one request loop. */
import { LlamaError } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { EncodeThread } from "../../tokenizer/loading/encode-thread.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { FolderKind } from "../chat/folder-kind.js";
import { checkCount, type GenerateOptions, resolveLookup } from "../sampling/options.js";
import { type FeedOptions, inFlight, type Requests } from "../scheduling/in-flight.js";
import type { GenerationRequest } from "../scheduling/request.js";
import type { RequestLoop } from "../scheduling/request-loop.js";
import { TextContext } from "./text-context.js";

export class ModelContext extends TextContext {
  readonly loop: RequestLoop;
  readonly #dtype: ComputeType;

  constructor(
    loop: RequestLoop,
    tokenizer: Tokenizer,
    config: ModelConfig,
    maxSeqLen: number,
    dtype: ComputeType,
    encoder: EncodeThread,
    kind: FolderKind = null,
  ) {
    super(tokenizer, config, maxSeqLen, encoder, kind);
    this.loop = loop;
    this.#dtype = dtype;
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
