/**
 * All routes as one listener: checks who asks, finds the route, reads the body, and writes the answer or the error. The only
 * file that imports hono. Does not know what the routes do.
 */
import type { RequestListener } from "node:http";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { PREFLIGHT_HEADERS } from "../http/access.js";
import { type ApiError, invalid } from "../http/api-error.js";
import { requestId } from "../http/ids.js";
import { readJson } from "../http/json-body.js";
import { readRequest } from "../schema/read-request.js";
import { chat } from "./chat.js";
import { completions } from "./completions.js";
import { errorOf } from "./errors.js";
import { missingRoute, wrongMethod } from "./missing.js";
import { ollamaAnswers } from "./ollama-answer.js";
import { isOllama, ollamaModel } from "./ollama-model.js";
import { documentRoute, operationRoutes, propsRoute } from "./operation.js";
import { isPageVisit, pageRoutes } from "./page.js";
import { responses } from "./responses.js";
import type { Answer, Exchange, ExchangeNote, Route, Service } from "./route.js";
import { tokenRoutes } from "./tokens.js";

type Env = { Bindings: HttpBindings };
/** Why a request was aborted whose client has left. */
const GONE = new Error("the client has left");

export const ROUTES: readonly Route[] = [
  ...[completions, chat, { ...chat, path: "/chat/completions" }, responses, ...tokenRoutes, ...operationRoutes],
  ...[...ollamaAnswers, ...ollamaModel],
  ...[propsRoute(() => ROUTES), documentRoute(() => ROUTES)],
];

export function createListener(service: Service): RequestListener {
  const app = new Hono<Env>();
  const methods = new Map<string, string[]>();
  const routes = [...ROUTES, ...pageRoutes(service.settings.page)];
  for (const route of routes) methods.set(route.path, [...(methods.get(route.path) ?? []), route.method]);
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)$/, ":$1{.+}");
    app.on(route.method, path, (c) => exchange(c, route, service));
  }
  for (const [path, allowed] of methods) {
    app.all(path.replace(/:(\w+)$/, ":$1{.+}"), (c) => exchange(c, refusing(path, wrongMethod(allowed)), service));
  }
  app.notFound((c) => exchange(c, refusing("other", missingRoute(c.req.path)), service));
  app.onError((error, c) => {
    service.onBug(error, "");
    const body = { error: { message: "The server failed", type: "server_error", param: null, code: "internal" } };
    return c.json(body, 500);
  });
  return getRequestListener((request, env) => app.fetch(request, env), {
    // The requests and responses of the program are left as they are.
    overrideGlobalObjects: false,
    // Node drops the rest of a body itself, for as long as a request may take to send.
    autoCleanupIncoming: false,
    errorHandler: () => new Response(BAD_REQUEST, { status: 400, headers: { "content-type": "application/json" } }),
  });
}

const BAD_REQUEST = JSON.stringify(invalid("The request has a path or Host that cannot be read").body);

/** A route that only answers with an error. */
function refusing(path: string, error: ApiError): Route {
  const answer = () => {
    throw error;
  };
  return { method: "GET", path, summary: "", answer };
}

async function exchange(c: Context<Env>, route: Route, service: Service): Promise<Response> {
  const { incoming, outgoing } = c.env;
  const { access, settings } = service;
  const id = requestId(incoming.headers["x-request-id"]);
  const startedAt = performance.now();
  const control = new AbortController();
  const note: ExchangeNote = {};
  let status = 0;
  let body: Record<string, unknown> = {};
  // A connection that is cut with an answer still in it leaves outgoing.writableFinished true.
  let isWhole = false;
  outgoing.once("finish", () => {
    isWhole = true;
  });
  outgoing.once("close", () => {
    if (!isWhole) control.abort(GONE);
    const totalMs = performance.now() - startedAt;
    const code = isWhole ? status || outgoing.statusCode : 499;
    service.metrics.request(route.path, code, totalMs / 1000);
    const { tokens = null, queueMs = null, firstTokenMs = null, texts = null } = note;
    const { method = "" } = incoming;
    service.onLog({ id, method, route: route.path, status: code, tokens, queueMs, firstTokenMs, totalMs });
    if (route.schema) service.onPrompt?.({ id, route: route.path, status: code, request: body, texts });
  });
  const headers: Record<string, string> = {
    ...{ "x-request-id": id, "cache-control": "no-store", "x-content-type-options": "nosniff" },
  };
  const names: string[] = [];
  const ignore = (more: readonly string[]) => {
    // A name, or its cut, may have half a pair of surrogates.
    names.push(...more.map((name) => encodeURIComponent(name.slice(0, 64).replace(/\p{Surrogate}/gu, "\ufffd"))));
    if (names.length === 0) return;
    headers["x-llama-ts-ignored"] = names.slice(0, 16).join(", ");
    outgoing.setHeader("x-llama-ts-ignored", headers["x-llama-ts-ignored"]);
  };
  try {
    access.checkHost(incoming);
    if (!isPageVisit(incoming, route)) Object.assign(headers, access.checkOrigin(incoming));
    if (incoming.method === "OPTIONS" && incoming.headers["access-control-request-method"] !== undefined) {
      status = 204;
      return new Response(null, { status, headers: { ...headers, ...PREFLIGHT_HEADERS } });
    }
    const client = access.checkKey(incoming, route.isOpen?.(service) ?? false);
    if (route.schema) {
      const json = await readJson(incoming, outgoing, settings.maxBody);
      const { request, ignored } = readRequest(route.schema, json, settings.strictFields);
      body = request as Record<string, unknown>;
      ignore(ignored);
    }
    // A route that writes its answer itself sends these with it.
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
    const params = c.req.param() as Record<string, string>;
    const one: Exchange = {
      ...{ id, client, incoming, outgoing, params, signal: control.signal, startedAt, body },
      note: (counts) => Object.assign(note, counts),
      ignore,
    };
    const answer = await route.answer(one, service);
    if (answer === null) return RESPONSE_ALREADY_SENT;
    headers["openai-processing-ms"] = String(Math.round(performance.now() - startedAt));
    status = ("status" in answer ? answer.status : undefined) ?? 200;
    return response(answer, status, headers);
  } catch (error) {
    if (control.signal.aborted || outgoing.headersSent) return RESPONSE_ALREADY_SENT;
    const { message, body, status: code, headers: more } = errorOf(error, { id }, service);
    status = code;
    // ollama's clients show an object as "[object Object]".
    const json = isOllama(c.req.path) ? { error: message } : body;
    return response({ json }, code, { ...headers, ...more });
  }
}

function response(answer: NonNullable<Answer>, status: number, headers: Record<string, string>): Response {
  if ("bytes" in answer) return new Response(answer.bytes, { status, headers: { ...headers, ...answer.headers } });
  const isJson = "json" in answer;
  const type = isJson ? "application/json; charset=utf-8" : answer.type;
  const text = isJson ? JSON.stringify(answer.json) : answer.text;
  return new Response(text, { status, headers: { ...headers, "content-type": type } });
}
