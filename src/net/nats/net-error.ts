/** The errors of a connection: what the client throws, as one line that says what to do. */
import { LlamaError } from "../../error.js";

/** Nobody listens to the subject of a request. */
export class NoResponders extends LlamaError {}

/** No answer came in time. */
export class NoAnswer extends LlamaError {}

/** More than the server takes as one message. */
export class TooLarge extends LlamaError {}

/** `limit`: max_payload of the server. */
export function tooLarge(bytes: number, limit: number): TooLarge {
  return new TooLarge("usage", "the message is too large for the server", {
    expected: `at most ${limit} bytes (max_payload of nats-server)`,
    found: `${bytes} bytes`,
  });
}

interface ClientError extends Error {
  code?: number | string;
  operation?: string;
  subject?: string;
  isNoResponders?: () => boolean;
}

/** `where`: the servers, or the server and a subject. An error that is a LlamaError already is returned as it is. */
export function netError(thrown: unknown, where: string): LlamaError {
  if (thrown instanceof LlamaError) return thrown;
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as ClientError;
  const cause = (error.cause ?? {}) as ClientError;
  const details = { where, cause: thrown };
  if (error.isNoResponders?.() || error.name === "NoRespondersError" || cause.name === "NoRespondersError") {
    return new NoResponders("runtime", "nobody listens to this subject", details);
  }
  if (error.name === "TimeoutError") return new NoAnswer("runtime", "no answer in time", details);
  if (error.name === "AuthorizationError" || error.name === "UserAuthenticationExpiredError") {
    return new LlamaError("usage", `the server refuses the key (${error.message})`, {
      ...details,
      fix: "Check the token, the credentials file or the nkey",
    });
  }
  const violation = error.name === "PermissionViolationError" ? error : cause;
  if (violation.name === "PermissionViolationError") {
    const what = violation.operation === "subscription" ? "subscribe to" : "publish to";
    return new LlamaError("usage", `this key may not ${what} ${violation.subject}`, {
      ...details,
      fix: "Give its user the permission on the server",
    });
  }
  if (error.name === "JetStreamNotEnabled") {
    return new LlamaError("usage", "the server stores no messages", {
      ...details,
      fix: "Start nats-server with JetStream: option -js, or jetstream {} in its configuration",
    });
  }
  if (error.name === "JetStreamApiError" || error.name.endsWith("NotFoundError")) {
    return new LlamaError("runtime", `the server refuses (error ${error.code}): ${error.message}`, details);
  }
  if (error.name === "ClosedConnectionError" || error.name === "DrainingConnectionError") {
    return new LlamaError("runtime", "the connection is closed", details);
  }
  return connectionError(error, details);
}

const REFUSED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);

function connectionError(error: ClientError, details: { where: string; cause: unknown }): LlamaError {
  const code = String(error.code ?? (error.cause as ClientError | undefined)?.code ?? "");
  if (REFUSED.has(code) || error.message === "connection refused") {
    return new LlamaError("runtime", `no NATS server can be reached (${code || error.message})`, {
      ...details,
      fix: "Start nats-server there, or check host and port",
    });
  }
  if (/CERT|TLS|SSL|SIGNED|LEAF|ISSUER/.test(code) || /'tls'/.test(error.message)) {
    return new LlamaError("usage", `TLS with the server fails (${code || error.message})`, {
      ...details,
      fix: "Check the scheme of the URL (tls:// or nats://) and the certificate files",
    });
  }
  return new LlamaError("runtime", `the connection fails: ${error.message || error.name}`, details);
}
