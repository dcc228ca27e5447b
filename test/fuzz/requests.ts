/** Makes requests to the server that are wrong in some way: bodies, fields, heads, paths, framing; as raw bytes. Does not send them. */
import { rawRequest } from "../server/raw-client.js";
import type { Dice } from "./dice.js";

const MESSAGES = [{ role: "user", content: "Hi" }];
/** Requests that are right, by path. */
const RIGHT: readonly (readonly [path: string, body?: Record<string, unknown>])[] = [
  ["/v1/completions", { prompt: "Once", max_tokens: 2, temperature: 0.7, top_p: 0.9, seed: 1, stop: ["x"], n: 2 }],
  [
    "/v1/completions",
    { prompt: [[1, 416]], max_tokens: 1, echo: true, logprobs: 2, stream: true, logit_bias: { 5: 1 } },
  ],
  [
    "/v1/chat/completions",
    { messages: MESSAGES, max_tokens: 2, stream: true, stream_options: { include_usage: true } },
  ],
  [
    "/v1/chat/completions",
    { messages: [{ role: "system", content: [{ type: "text", text: "a" }] }, ...MESSAGES], max_tokens: 1 },
  ],
  ["/v1/responses", { input: "Hi", max_output_tokens: 2, stream: true }],
  ["/api/generate", { model: "demo", prompt: "Hi", options: { num_predict: 2 } }],
  ["/api/chat", { model: "demo", messages: MESSAGES, options: { num_predict: 2 }, stream: false }],
  ["/tokenize", { content: "Once upon", with_pieces: true }],
  ["/detokenize", { tokens: [1, 416, 425] }],
  ["/apply-template", { messages: MESSAGES }],
  ["/v1/models/demo"],
  ["/health"],
  ["/props"],
  ["/"],
];

const ODD: readonly unknown[] = [
  ...[null, true, false, -1, 0, 1.5, 1e308, -0, 2 ** 53, "", "\u0000", "\ud800", "é", "x".repeat(5000), [], {}],
  ...[[[]], [null], [1, "a"], [[1], "a"], { a: { b: [] } }, "NaN", [-1], [5000], Array(600).fill(1), ["", ""]],
  ...[{ type: "text" }, { type: "image_url", image_url: { url: "file:///etc/passwd" } }, "__proto__", "constructor"],
];
const NAMES = [
  "tools",
  "grammar",
  "__proto__",
  "constructor",
  "toString",
  "messages",
  "stream",
  "n",
  "",
  "a\nb",
  "model",
];
const HEADERS = [
  ...["Host: localhost", "Host: evil.example", "Host:", "Host: localhost:99999999", "Origin: http://a.example"],
  ...["Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: 5", "Content-Length: -1"],
  ...[
    "Content-Length: 99999999999999999999",
    "Expect: 100-continue",
    "Expect: 5",
    "Connection: close",
    "Connection: upgrade",
  ],
  ...["Upgrade: websocket", "Authorization: Bearer \u00ff", "X-Request-Id: a b", "Content-Type: text/plain"],
  ...[
    "Content-Encoding: gzip",
    "Accept: */*;q=x",
    `X-Long: ${"y".repeat(17_000)}`,
    "Bad Name: 1",
    "Cookie: a=b",
    ":: x",
  ],
];
const PATHS = [
  ...[
    "//",
    "/%",
    "/%00",
    "/../../etc/passwd",
    "/v1/models/..%2f..%2fetc",
    "*",
    "http://a.example/health",
    "/v1/models/%ff",
  ],
  ...[
    "/health?x=%",
    "/health#a",
    `/${"a/".repeat(4000)}`,
    "/é",
    "/v1//completions",
    "/V1/completions",
    "/assets/app.js/..",
    "",
  ],
];
const METHODS = [
  "GET",
  "POST",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PATCH",
  "get",
  "PRI",
  "\u0000",
];

/** How the bytes of a connection are sent. */
export interface WrongRequests {
  bytes: Buffer;
  /** Places between which the client waits for a moment. */
  cuts: number[];
  /** The client closes its side at the end, leaves at the end without waiting, or waits for the answer. */
  end: "half-close" | "leave" | "wait";
}

/** One connection's bytes: one to four requests in a row, of which some are right. */
export function wrongRequests(dice: Dice): WrongRequests {
  const parts = Array.from({ length: dice.chance(0.2) ? 2 + dice.below(3) : 1 }, () => oneRequest(dice));
  let bytes = Buffer.concat(parts);
  const isCut = dice.chance(0.15);
  if (isCut) bytes = bytes.subarray(0, dice.below(bytes.length + 1));
  if (dice.chance(0.15)) {
    bytes = Buffer.from(bytes);
    for (let i = 0; i <= dice.below(8) && bytes.length > 0; i++) bytes[dice.below(bytes.length)] = dice.below(256);
  }
  const cuts = dice.chance(0.2)
    ? Array.from({ length: 3 }, () => dice.below(bytes.length + 1)).sort((a, b) => a - b)
    : [];
  // For the rest of a request the server waits up to a minute.
  return {
    bytes,
    cuts,
    end: dice.pick(isCut ? ["half-close", "leave"] : ["wait", "wait", "wait", "half-close", "leave"]),
  };
}

function oneRequest(dice: Dice): Buffer {
  const [path, right] = dice.pick(RIGHT);
  const body = right && dice.chance(0.8) ? wrongBody(dice, right) : right;
  let text = rawRequest(path, body);
  if (dice.chance(0.1)) text = text.replace(/^\S+ (\S+)/, `${dice.pick(METHODS)} $1`);
  if (dice.chance(0.15)) text = text.replace(/^(\S+) \S+/, () => `GET ${dice.pick(PATHS)}`);
  if (dice.chance(0.25)) {
    const at = dice.chance(0.5) ? text.indexOf("\r\n") + 2 : text.indexOf("\r\n\r\n") + 2;
    text = `${text.slice(0, at)}${dice.pick(HEADERS)}\r\n${text.slice(at)}`;
  }
  if (dice.chance(0.05)) text = text.replace(/Content-Length: \d+/, `Content-Length: ${dice.edge()}`);
  if (dice.chance(0.05))
    text = text.replace(/HTTP\/1\.1/, dice.pick(["HTTP/1.0", "HTTP/2.0", "HTTP/9", "", "http/1.1"]));
  if (dice.chance(0.05)) text = text.replaceAll("\r\n", dice.pick(["\n", "\r", "\r\n\r\n"]));
  return Buffer.from(text, "utf8");
}

/** A body as JSON that is wrong in fields, or as text. */
function wrongBody(dice: Dice, right: Record<string, unknown>): string {
  const body = structuredClone(right);
  for (let i = 0; i <= dice.below(2); i++) {
    const names = Object.keys(body);
    const name = dice.pick(names.length > 0 ? names : NAMES);
    if (dice.chance(0.6)) body[name] = dice.pick(ODD);
    else if (dice.chance(0.4)) body[dice.pick(NAMES)] = dice.pick(ODD);
    else if (dice.chance(0.5)) delete body[name];
    else body[name] = dice.chance(0.5) ? [body[name]] : { inner: body[name] };
  }
  const text = JSON.stringify(body);
  if (dice.chance(0.1)) return text.slice(0, dice.below(text.length));
  if (dice.chance(0.03)) return `{"prompt":${"[".repeat(5000)}`;
  if (dice.chance(0.03)) return text.replace(/[:,]/, dice.pick(["", "::", ",,", "\u0000", "//"]));
  if (dice.chance(0.03)) return `{"__proto__":{"max_tokens":400},${text.slice(1)}`;
  return text;
}
