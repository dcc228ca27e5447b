/** What the server needs of a model: the library's own, or one that others run. */
import type { CompletionEvent, Llama, RequestOptions } from "../../index.js";

/** A completion of ids, as `Llama.submit` takes it. */
export type IdsRequest = RequestOptions & {
  prompt: readonly number[];
  stopIds: readonly number[];
  cacheSalt: string;
  client: string;
  signal: AbortSignal;
};

/** A loaded `Llama` is one. */
export interface ServerModel
  extends Pick<
    Llama,
    | "tokenizer"
    | "config"
    | "maxSeqLen"
    | "parameterCount"
    | "dtype"
    | "worldSize"
    | "load"
    | "chatName"
    | "failure"
    | "requestCounts"
    | "encodePrompt"
    | "encodeText"
    | "toolUse"
    | "hasTools"
    | "prepareForm"
  > {
  submit(request: IdsRequest): AsyncIterableIterator<CompletionEvent>;
  /** Throws ApiError where `count` further requests would wait too long. */
  admit?(count: number): Promise<void>;
}
