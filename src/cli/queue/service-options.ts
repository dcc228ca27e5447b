/** What the part of a worker that runs the requests of fronts is made of, and the events that it reports. */
import type { LlamaError } from "../../error.js";
import type { Llama } from "../../index.js";
import type { Net } from "../../net/nats/net.js";

export interface ServiceOptions {
  net: Net;
  llama: Pick<Llama, "submit" | "failure">;
  /** Name of the model in subjects. */
  model: string;
  /** Resolves when there is room for a further request. */
  room: () => Promise<void>;
  /** A request begins; returns what is called at its end. */
  begin: () => () => void;
  onEvent: (event: ServiceEvent) => void;
  /** What the model has failed with. */
  onFailure: (error: unknown) => void;
}

export type ServiceEvent =
  | { kind: "strange"; subject: string }
  | { kind: "poison"; place: string }
  | { kind: "done"; place: string; tokens: number }
  | { kind: "trouble"; error: LlamaError };
