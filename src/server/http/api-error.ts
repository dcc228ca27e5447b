/** An answer that is an error, in OpenAI's form. Does not know what led to it. */

/** The kinds that clients tell apart. */
export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "rate_limit_error"
  | "server_error";

export interface ErrorFields {
  status: number;
  type?: ErrorType;
  code: string | null;
  message: string;
  /** The place in the request, such as messages[3].content. */
  param?: string | null;
  headers?: Record<string, string>;
  /** Further fields of the error object. */
  more?: Record<string, unknown>;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: { error: Record<string, unknown> };

  constructor({
    status,
    type = "invalid_request_error",
    code,
    message,
    param = null,
    headers = {},
    more,
  }: ErrorFields) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.body = { error: { message, type, param, code, ...more } };
  }
}

/** A request that is wrong in itself. */
export function invalid(message: string, param: string | null = null, code = "invalid_value"): ApiError {
  return new ApiError({ status: 400, code, message, param });
}

/** A field or value that this server cannot honour. */
export function unsupported(param: string, why: string): ApiError {
  return invalid(`${param} is not supported: ${why}`, param, "unsupported_parameter");
}

/** A prompt that leaves no room. */
export function contextExceeded(tokens: number, context: number, param: string, isLeast = false): ApiError {
  return new ApiError({
    status: 400,
    code: "context_length_exceeded",
    message: `The prompt has ${isLeast ? "at least " : ""}${tokens} tokens, and the context holds ${context} of prompt and text together`,
    param,
    more: { n_prompt_tokens: tokens, n_ctx: context },
  });
}

/** A request that may succeed later. `seconds`: when. */
export function unavailable(code: string, message: string, seconds: number): ApiError {
  return new ApiError({ status: 503, type: "server_error", code, message, headers: retryAfter(seconds) });
}

/** A client has its share of the queue already. */
export function tooMany(message: string, seconds: number): ApiError {
  const headers = retryAfter(seconds);
  return new ApiError({ status: 429, type: "rate_limit_error", code: "too_many_requests", message, headers });
}

/** The server's own failure; OpenAI's clients would send it again. */
export function internal(requestId: string): ApiError {
  const message = `The server failed at this request; its id is ${requestId}`;
  const headers = { "x-should-retry": "false" };
  return new ApiError({ status: 500, type: "server_error", code: "internal", message, headers });
}

function retryAfter(seconds: number): Record<string, string> {
  return { "retry-after": String(Math.ceil(seconds)), "retry-after-ms": String(Math.ceil(seconds * 1000)) };
}
