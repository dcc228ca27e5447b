/** What the server needs of a model: the library's own, or one that others run. */
import type { Llama } from "../../index.js";

/** A loaded `Llama` is one. */
export type ServerModel = Pick<
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
  | "submit"
  | "encodePrompt"
  | "encodeText"
>;
