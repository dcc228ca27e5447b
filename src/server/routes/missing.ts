/** Routes that clients know from other servers and that are not here: what there is instead. */
import { ApiError } from "../http/api-error.js";

const TOKENS_INSTEAD = "it gives token ids and log-probabilities with /v1/completions";

const MISSING: readonly (readonly [RegExp, string])[] = [
  [/^\/(v1\/)?embeddings?$/, `This server gives no embeddings; ${TOKENS_INSTEAD}`],
  [/^\/(v1\/)?(rerank|reranking|score)$/, `This server does not rank; ${TOKENS_INSTEAD}`],
  [/^\/v1\/(images|audio|videos)\//, "This server reads and writes text only"],
  [
    /^\/v1\/(files|batches|fine_tuning|uploads|vector_stores|assistants|threads)/,
    "This server keeps nothing; llama-ts batch answers files",
  ],
  [/^\/v1\/responses\/./, "This server keeps no answers; POST /v1/responses with the whole dialog"],
  [/^\/responses/, "Use /v1/responses"],
  [/^\/v1\/messages/, "This server does not speak Anthropic's API; use /v1/chat/completions"],
  [/^\/(completions?|infill)$/, "Use /v1/completions"],
  [
    /^\/api\/embed(dings)?$/,
    "this server gives no embeddings; it gives token ids and log-probabilities with /v1/completions",
  ],
  [
    /^\/api\/(pull|push|create|copy|delete|blobs)(\/|$)/,
    "this server runs one model, which is chosen when it starts; /api/tags names it",
  ],
  [/^\/(v1\/)?moderations$/, "This server does not judge texts"],
];

/** The answer for a path without a route. */
export function missingRoute(path: string): ApiError {
  const [, instead] = MISSING.find(([pattern]) => pattern.test(path)) ?? [];
  if (instead) return new ApiError({ status: 404, code: "unsupported_endpoint", message: instead });
  const message = "This server has no such route; /props lists those it has";
  return new ApiError({ status: 404, code: "not_found", message });
}

/** The answer for a method that a path does not have. */
export function wrongMethod(methods: readonly string[]): ApiError {
  const allow = methods.includes("GET") ? ["HEAD", ...methods] : methods;
  const message = `This route has ${methods.join(" and ")} only`;
  return new ApiError({ status: 405, code: "method_not_allowed", message, headers: { allow: allow.join(", ") } });
}
