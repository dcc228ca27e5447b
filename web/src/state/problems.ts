/** Says in words what went wrong with a request. Does not know what the request was for. */
import { WireError } from "../wire/api.js";
import type { Problem } from "./types.js";

export function problemOf(error: unknown): Problem {
  if (!(error instanceof WireError)) return { text: `The page failed: ${String(error)}`, remedy: "none" };
  const { code, fields, message } = error;
  if (code === "context_length_exceeded") {
    const { n_prompt_tokens: tokens, n_ctx: context } = fields as { n_prompt_tokens?: number; n_ctx?: number };
    const counts = tokens && context ? ` It has ${tokens} tokens, and there is room for ${context}.` : "";
    return { text: `This is more than the model's context holds.${counts}`, remedy: "context-full" };
  }
  if (code === "gone") return { text: "The server does not answer. Your text is kept.", remedy: "retry" };
  if (code === "draining") return { text: "The server is ending and takes no more requests.", remedy: "retry" };
  if (code === "engine_failed") return { text: "The model has failed, and the server ends.", remedy: "retry" };
  if (code === "loading") return { text: "The model is still loading.", remedy: "retry" };
  if (error.status === 401) return { text: "The server wants a key.", remedy: "retry" };
  return { text: endWithStop(message), remedy: error.status === 400 ? "none" : "retry" };
}

function endWithStop(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
