/**
 * The web page: its files are a fixed map, so that no path of a request is ever opened. Does not know what the page does, or
 * where its files come from.
 */
import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "../http/api-error.js";
import type { PageFile, PageFiles } from "../http/page-file.js";
import type { Answer, Exchange, Route } from "./route.js";

/** The page loads from this server only, runs no text as code, and is in no other page. */
const HEADERS = {
  "content-security-policy": [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
    ...["font-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
    ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
  ].join("; "),
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const INDEX = "index.html";
/** Preferred first. */
const ENCODINGS = ["br", "gzip"];

/** The routes of the page, none without one. They need no key: the page asks for it. */
export function pageRoutes(page: (() => PageFiles) | null): Route[] {
  if (page === null) return [];
  const shared = { method: "GET", isOpen: () => true, isPage: true } as const;
  return [
    { ...shared, path: "/", summary: "The page.", answer: (exchange) => send(exchange, page().get(INDEX)) },
    ...["/icon.svg", "/favicon.ico"].map((path): Route => {
      return { ...shared, path, summary: "", answer: (exchange) => send(exchange, page().get("icon.svg")) };
    }),
    {
      ...{ ...shared, path: "/page/:name", summary: "A file of the page." },
      answer: (exchange: Exchange) => send(exchange, page().get(exchange.params.name!)),
    },
  ];
}

function send({ incoming }: Exchange, file: PageFile | undefined): Answer {
  if (!file) throw new ApiError({ status: 404, code: "not_found", message: "The page has no such file" });
  const headers: Record<string, string> = {
    ...{ ...HEADERS, etag: file.etag, vary: "accept-encoding", "content-type": file.type },
    "cache-control": file.isHashed ? "public, max-age=31536000, immutable" : "no-cache",
  };
  if (isKnown(incoming.headers, file.etag)) return { status: 304, bytes: null, headers };
  const encoding = ENCODINGS.find((name) => file.packed.has(name) && accepts(incoming.headers, name));
  if (encoding === undefined) return { bytes: file.bytes, headers };
  return { bytes: file.packed.get(encoding)!, headers: { ...headers, "content-encoding": encoding } };
}

function isKnown({ "if-none-match": known }: IncomingHttpHeaders, etag: string): boolean {
  if (known === undefined) return false;
  return known.split(",").some((one) => one.trim() === "*" || one.trim() === etag);
}

function accepts({ "accept-encoding": accepted = "" }: IncomingHttpHeaders, name: string): boolean {
  return String(accepted)
    .split(",")
    .some((one) => {
      const [token = "", ...params] = one.trim().split(/\s*;\s*/);
      return token.toLowerCase() === name && !params.some((param) => /^q=0(\.0*)?$/i.test(param));
    });
}

/** Whether this request may come from a link in a page of another site. */
export function isPageVisit({ method, headers }: Exchange["incoming"], route: Route): boolean {
  const isGet = method === "GET" || method === "HEAD";
  return route.isPage === true && isGet && headers["sec-fetch-mode"] === "navigate" && headers.origin === undefined;
}
