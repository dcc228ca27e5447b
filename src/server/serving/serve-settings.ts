/** The settings of a server. Does not know where they come from. */
import type { ChatChoice, GenerateOptions } from "../../index.js";
import type { AccessRules } from "../http/access.js";
import type { TlsFiles } from "../http/http-listener.js";
import type { PageFiles } from "../http/page-file.js";

export interface ServeSettings extends AccessRules {
  /** Speaks HTTPS with it; null: HTTP. */
  tls: TlsFiles | null;
  /** Port; 0: a free one. */
  port: number;
  /** Names by which the model may be asked for, the first is its own; "*" for any. */
  names: readonly string[];
  /** For requests that do not say otherwise. */
  sampling: GenerateOptions;
  chat: ChatChoice;
  /** System text of dialogs that have none. */
  system: string | null;
  /** New tokens of a choice at most; null: the room in the context. */
  maxGenLen: number | null;
  /** Choices that run at once. */
  concurrency: number;
  /** Choices that wait at most. */
  maxQueue: number;
  /** Bytes of a body. */
  maxBody: number;
  /** Choices of a request, prompts x best_of. */
  maxChoices: number;
  /** 0: never. */
  requestTimeoutMs: number;
  drainTimeoutMs: number;
  /** Silence of a stream before a comment; 0: none. */
  pingMs: number;
  strictFields: boolean;
  /** Puts the beginning-of-sentence token before prompts of ids without it, and does not report it. */
  hiddenBos: boolean;
  /** Whether /metrics needs no key. */
  metricsPublic: boolean;
  /** The files of the web page; null: no page. */
  page: (() => PageFiles) | null;
  version: string;
  /** When the checkpoint was written, in seconds. */
  created: number;
}
