/**
 * Who may ask: the checks of Host, Origin and API key. The check of Host stops DNS rebinding, where a foreign page becomes one
 * of the same origin; that of Origin stops foreign pages. Does not know routes.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { ApiError, invalid } from "./api-error.js";

export interface AccessRules {
  /** Address that the server listens on. */
  host: string;
  /** Further names by which it may be asked. */
  allowedHosts: readonly string[];
  /** Origins whose pages may ask; "*" for any. */
  corsOrigins: readonly string[];
  /** API keys; with none, nobody needs one. */
  keys: readonly string[];
  /** The peer is a proxy that says whom it asks for. */
  trustProxy: boolean;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

export class Access {
  readonly #rules: AccessRules;
  readonly #digests: readonly Buffer[];

  constructor(rules: AccessRules) {
    this.#rules = rules;
    this.#digests = rules.keys.map(digest);
  }

  get needsKey(): boolean {
    return this.#digests.length > 0;
  }

  /** Throws ApiError unless the request names this server. Node lets an empty Host, and the first of two, pass. */
  checkHost({ rawHeaders, socket }: IncomingMessage): void {
    const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === "host");
    const [, name, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(hosts[0] ?? "") ?? [];
    if (hosts.length !== 1 || name === undefined) {
      throw invalid("The request must have one Host header", null, "invalid_host");
    }
    const isOurPort = port === undefined || Number(port) === socket.localPort || this.#isAllowed(name, port);
    if (isOurPort && this.#isHost(name.toLowerCase())) return;
    const message = `This server is not ${hosts[0]}. If it is, start it with ${name} as an allowed host`;
    throw denied("host_not_allowed", message);
  }

  #isHost(name: string): boolean {
    if (isIP(name.replace(/^\[|\]$/g, ""))) return true;
    if (this.#isAllowed(name)) return true;
    if (isLoopback(this.#rules.host)) return name === "localhost" || name.endsWith(".localhost");
    return name === hostname().toLowerCase() || name === "localhost";
  }

  #isAllowed(name: string, port?: string): boolean {
    const names = port === undefined ? [name] : [name, `${name}:${port}`];
    return this.#rules.allowedHosts.some((one) => names.includes(one.toLowerCase()));
  }

  /** Throws ApiError for a page of another site; returns the headers that allow a page which may ask. */
  checkOrigin({ headers }: IncomingMessage): Record<string, string> {
    const { origin, host } = headers;
    const { corsOrigins } = this.#rules;
    if (origin !== undefined && corsOrigins.some((one) => one === "*" || one === origin)) {
      return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "x-request-id, retry-after, x-llama-ts-ignored",
        vary: "origin",
      };
    }
    const isOurs = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
    if (isOurs && headers["sec-fetch-site"] !== "cross-site") return {};
    throw denied(
      "origin_not_allowed",
      "Pages of other sites may not ask this server, unless it is started with their origin as an allowed one",
    );
  }

  /** Throws ApiError unless the request has one of the keys. Returns what tells its client from others: never a key itself. */
  checkKey(incoming: IncomingMessage, isOpen: boolean): string {
    const { headers } = incoming;
    const address = this.#addressOf(incoming);
    if (!this.needsKey) return address;
    const [, bearer] = /^Bearer +(.+)$/i.exec(headers.authorization ?? "") ?? [];
    const given = bearer ?? headers["x-api-key"];
    const found = typeof given === "string" ? digest(given.trim()) : null;
    // All keys are compared, so that the time does not tell which one fits.
    let index = -1;
    for (const [i, one] of this.#digests.entries()) if (found && timingSafeEqual(one, found)) index = i;
    if (index >= 0) return `key ${index}`;
    if (isOpen) return address;
    throw new ApiError({
      status: 401,
      type: "authentication_error",
      code: "invalid_api_key",
      message: given === undefined ? "An API key is needed: Authorization: Bearer KEY" : "The API key is wrong",
      headers: { "www-authenticate": "Bearer" },
    });
  }

  /** Whom the request comes from. The last address is the proxy's own word; those before it are the client's. */
  #addressOf({ headers, socket }: IncomingMessage): string {
    const address = socket.remoteAddress ?? "";
    if (!this.#rules.trustProxy) return address;
    const forwarded = [headers["x-forwarded-for"] ?? ""].flat().join().split(",").at(-1)!.trim();
    return isIP(forwarded) ? forwarded : address;
  }
}

/** The answer to a preflight of a page that may ask. */
export const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": "authorization, content-type, x-api-key, x-request-id, x-stainless-retry-count",
  "access-control-max-age": "600",
};

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function denied(code: string, message: string): ApiError {
  return new ApiError({ status: 403, type: "permission_error", code, message });
}
