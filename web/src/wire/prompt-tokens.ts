/** The tokens of a prompt with their probabilities, by an echo without new tokens. Does not know where they are shown. */
import type { Token } from "../state/types.js";
import { askJson, WireError } from "./api.js";
import { type Choice, tokensOf } from "./completion.js";

/** The tokens of a text or of ids, each with its `top` most likely alternatives. Throws WireError. */
export async function promptTokens(prompt: string | number[], top: number, signal?: AbortSignal): Promise<Token[]> {
  const body = { prompt, max_tokens: 0, echo: true, logprobs: top, return_token_ids: true };
  const { choices } = await askJson<{ choices?: Choice[] }>("v1/completions", body, signal);
  const choice = choices?.[0];
  if (!choice?.logprobs) throw new WireError(200, "broken", "The server's answer has no probabilities");
  return withIds(tokensOf(choice), choice.prompt_token_ids ?? []);
}

/** The ids of a prompt come apart from its tokens. */
export function withIds(tokens: Token[], ids: readonly number[]): Token[] {
  return tokens.map((token, i) => ({ ...token, id: ids[i] ?? token.id }));
}
