/** A dialog as Meta's generation.py takes it: messages with roles. Knows no format and no tokens. */

import type { FinishReason } from "../sampling/options.js";

export type Role = "system" | "user" | "assistant" | "tool" | "ipython";

export interface Message {
  role: Role;
  content: string;
}

export type Dialog = readonly Message[];

/** What chatCompletion() returns for a dialog, as in Meta's generation.py: tokens and logprobs only when logprobs were asked for. */
export interface ChatPrediction {
  generation: { role: "assistant"; content: string };
  finishReason: FinishReason;
  tokens?: string[];
  logprobs?: number[];
}
