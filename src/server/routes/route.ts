/** A route of the server, and what each of its requests comes with. Does not know any route. */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Access } from "../http/access.js";
import type { LogEntry } from "../http/request-log.js";
import type { AnswerSchema, BodySchema } from "../schema/read-request.js";
import type { Admission } from "../serving/admission.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import type { ServedModel } from "../serving/served-model.js";
import type { Metrics } from "./metrics.js";

/** What all routes share. */
export interface Service {
  readonly settings: ServeSettings;
  readonly model: ServedModel;
  readonly admission: Admission;
  readonly access: Access;
  readonly metrics: Metrics;
  /** One line of the log. */
  onLog(entry: LogEntry): void;
  /** An unexpected failure in the request with this id. */
  onBug(error: unknown, id: string): void;
}

/** One request. */
export interface Exchange {
  readonly id: string;
  /** What tells its client from others. */
  readonly client: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Path and parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  readonly startedAt: number;
  /** The checked fields of the body. */
  readonly body: Record<string, unknown>;
  /** For the log. */
  note(counts: ExchangeNote): void;
}

export interface ExchangeNote {
  tokens?: { prompt: number; cached: number; generated: number };
  queueMs?: number;
  firstTokenMs?: number;
}

/** An answer, or null if the route has written one itself. */
export type Answer =
  | { status?: number; json: unknown }
  | { text: string; type: string }
  | { status?: number; bytes: Buffer | null; headers: Record<string, string> }
  | null;

export interface Route {
  readonly method: "GET" | "POST";
  /** A parameter is written :NAME. */
  readonly path: string;
  /** Needs no API key. */
  readonly isOpen?: (service: Service) => boolean;
  /** A file of the web page: for browsers, and in no list of the routes. */
  readonly isPage?: boolean;
  readonly summary: string;
  /** Of its body. */
  readonly schema?: BodySchema;
  /** Of its answer, for the OpenAPI document. */
  readonly answers?: AnswerSchema;
  /** The type of an answer that is not JSON. */
  readonly textType?: string;
  answer(exchange: Exchange, service: Service): Promise<Answer> | Answer;
}
