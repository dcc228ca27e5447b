/** Reads the body of a request as JSON, within limits of size and depth. Does not know what the values mean. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError, invalid } from "./api-error.js";

/** Objects and arrays in each other at most: what walks a value would overflow the stack. */
const MAX_DEPTH = 64;

/** The value of a body. Throws ApiError for one of another type, beyond `maxBytes`, or that is not a JSON object. */
export async function readJson(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  maxBytes: number,
): Promise<Record<string, unknown>> {
  const { headers } = incoming;
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") {
    const message = "The content-type of a body must be application/json";
    throw new ApiError({ status: 415, code: "unsupported_media_type", message });
  }
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (headers.expect?.toLowerCase() === "100-continue") outgoing.writeContinue();
  const text = decode(await readBytes(incoming, maxBytes));
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`The body is not JSON: ${(error as Error).message.slice(0, 200)}`, null, "invalid_json");
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw invalid("The body must be a JSON object", null, "invalid_type");
  }
  // An escape can hide the name from a search in the text.
  if (/__proto__|\\u/.test(text)) checkNames(value);
  return value as Record<string, unknown>;
}

async function readBytes(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    // The rest of a body that is too large is read and dropped: a connection that ends before would take the answer with it.
    for await (const part of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > maxBytes) break;
      parts.push(part);
    }
  } catch {
    throw invalid("The body ended too early", null, "invalid_json");
  }
  if (size > maxBytes) throw tooLarge(maxBytes);
  return Buffer.concat(parts);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("The body is not UTF-8", null, "invalid_json");
  }
}

function checkDepth(text: string): void {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isText) {
      if (code === 0x5c) i++;
      else if (code === 0x22) isText = false;
    } else if (code === 0x22) isText = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH) {
        throw invalid(`The body has more than ${MAX_DEPTH} objects and arrays in each other`, null, "invalid_json");
      }
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
}

function checkNames(value: object): void {
  for (const [name, inner] of Object.entries(value)) {
    if (name === "__proto__") throw invalid("__proto__ is not allowed as a name", null, "invalid_json");
    if (inner !== null && typeof inner === "object") checkNames(inner);
  }
}

function tooLarge(maxBytes: number): ApiError {
  const message = `The body is too large: at most ${maxBytes} bytes`;
  return new ApiError({ status: 413, code: "body_too_large", message });
}
