/** The types of a dialog, as in Meta's generation.py: messages with roles. Does not know formats or tokens. */

import type { FinishReason } from "../sampling/options.js";

export type Role = "system" | "user" | "assistant" | "tool" | "ipython";

export interface Message {
  role: Role;
  content: string;
}

export type Dialog = readonly Message[];

/** The result of chatCompletion() for a dialog, as in Meta's generation.py: tokens and logprobs only if logprobs were requested. */
export interface ChatPrediction {
  generation: { role: "assistant"; content: string };
  finishReason: FinishReason;
  tokens?: string[];
  logprobs?: number[];
}
