/** Writes the OpenAPI 3.1 document from the schemas of requests and answers. Does not know what routes do. */
import type { TObject, TSchema } from "typebox";
import { ERROR } from "./answers.js";
import { conditions } from "./conditions.js";
import { OLLAMA_ERROR } from "./ollama-answers.js";

/** A route as the document shows it. */
export interface DocumentedRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly schema?: TObject;
  /** Of its answer; a text without one. */
  readonly answers?: TSchema;
  /** The type of an answer that is not JSON. */
  readonly textType?: string;
  /** The type of a stream. */
  readonly streamType?: string;
  readonly needsKey: boolean;
}

/** Of each event, or of each line. */
const EVENT = { type: "object", properties: { data: { type: "string" } } };
/** Ids that no model has stop nothing. */
const STOPS = "stop_token_ids";
/** Errors of all routes, and of those with a body. */
const ERRORS = [400, 401, 403, 404, 405, 500, 503];
const BODY_ERRORS = [413, 415, 429, 504];

/** `vocabSize`: of the model, or null while it loads. */
export function openApi(
  routes: readonly DocumentedRoute[],
  version: string,
  hasKeys: boolean,
  vocabSize: number | null,
) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, hasKeys, vocabSize) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "llama-ts serve", version, description: "One model, by OpenAI's API and ollama's." },
    paths,
    components: {
      schemas: { Error: plain(ERROR), PlainError: plain(OLLAMA_ERROR) },
      ...(hasKeys && { securitySchemes: { key: { type: "http", scheme: "bearer" } } }),
    },
  };
}

function operation(route: DocumentedRoute, hasKeys: boolean, vocabSize: number | null) {
  const { path, summary, schema, answers, textType, streamType = "text/event-stream", needsKey } = route;
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  const parameters = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const streams = Object.hasOwn(schema?.properties ?? {}, "stream");
  const error = {
    description: "An error.",
    content: {
      "application/json": {
        schema: { $ref: `#/components/schemas/${path.startsWith("/api/") ? "PlainError" : "Error"}` },
      },
    },
  };
  const statuses = schema ? [...ERRORS, ...BODY_ERRORS] : ERRORS;
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(schema && {
      requestBody: { required: true, content: { "application/json": { schema: body(schema, path, vocabSize) } } },
    }),
    ...(hasKeys && needsKey && { security: [{ key: [] }] }),
    responses: {
      200: {
        description: "The answer.",
        content: {
          ...(textType ? { [textType]: { schema: { type: "string" } } } : {}),
          ...(!textType && { "application/json": { schema: answers ? plain(answers) : { type: "object" } } }),
          // Each event is an answer with the new part; the last is [DONE].
          ...(streams && { [streamType]: { schema: EVENT } }),
        },
      },
      ...Object.fromEntries(statuses.map((status) => [status, error])),
    },
  };
}

function body(schema: TObject, path: string, vocabSize: number | null) {
  const allOf = conditions(Object.keys(schema.properties), path);
  const { properties, ...rest } = nullable(schema);
  const fields = Object.entries(properties).map(([name, field]) => [
    name,
    name === STOPS ? field : bounded(field, vocabSize),
  ]);
  return { ...rest, properties: Object.fromEntries(fields), ...(allOf.length > 0 && { allOf }) };
}

/** Lists of integers are ids of tokens in every request. */
function bounded(field: unknown, vocabSize: number | null): unknown {
  if (vocabSize === null) return field;
  return JSON.parse(JSON.stringify(field), (_, value) =>
    value?.type === "array" && value.items?.type === "integer"
      ? { ...value, items: { ...value.items, maximum: vocabSize - 1 } }
      : value,
  );
}

/** null is absent: every field that may be left out may be null. */
function nullable(schema: TObject) {
  const { properties, ...rest } = plain(schema) as { properties: Record<string, unknown>; required?: string[] };
  const fields = Object.entries(properties).map(([name, field]) => {
    return [name, rest.required?.includes(name) ? field : { anyOf: [field, { type: "null" }] }];
  });
  return { ...rest, properties: Object.fromEntries(fields) };
}

/** Without what typebox keeps for itself. */
function plain(schema: TSchema): unknown {
  return JSON.parse(JSON.stringify(schema));
}
