/** A route of the server, and what each of its requests comes with. Does not know any route. */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Access } from "../http/access.js";
import type { LogEntry, PromptEntry } from "../http/request-log.js";
import type { Metrics } from "../metrics/metrics.js";
import type { AnswerSchema, BodySchema } from "../schema/read-request.js";
import type { Admission } from "../serving/admission.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import type { ServedModel } from "../serving/served-model.js";

/** What all routes share. */
export interface Service {
  readonly settings: ServeSettings;
  readonly model: ServedModel;
  readonly admission: Admission;
  readonly access: Access;
  readonly metrics: Metrics;
  /** One line of the log. */
  onLog(entry: LogEntry): void;
  /** Texts of one request, if they are logged at all. */
  onPrompt?: ((entry: PromptEntry) => void) | undefined;
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
  /** Names further fields that are not known, in a header. */
  ignore(names: readonly string[]): void;
}

export interface ExchangeNote {
  tokens?: { prompt: number; cached: number; generated: number };
  queueMs?: number;
  firstTokenMs?: number;
  texts?: readonly string[];
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
  /** The type of a stream, server-sent events if it is left out. */
  readonly streamType?: string;
  answer(exchange: Exchange, service: Service): Promise<Answer> | Answer;
}
