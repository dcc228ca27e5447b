/** The server: one model for many programs, by HTTP. Does not know flags, the terminal or logits. */
import { Access } from "./http/access.js";
import { unavailable } from "./http/api-error.js";
import { HttpListener, type TlsFiles } from "./http/http-listener.js";
import type { LogEntry, PromptEntry } from "./http/request-log.js";
import { Metrics, type ProcessUsage } from "./metrics/metrics.js";
import { createListener } from "./routes/app.js";
import { Admission } from "./serving/admission.js";
import type { ServeSettings } from "./serving/serve-settings.js";
import { ServedModel } from "./serving/served-model.js";
import type { ServerModel } from "./serving/server-model.js";

export interface ServerEvents {
  onLog(entry: LogEntry): void;
  /** What was asked and answered; without it nobody keeps texts. */
  onPrompt?: ((entry: PromptEntry) => void) | undefined;
  /** An unexpected failure in the request with this id. */
  onBug(error: unknown, id: string): void;
  /** What the process uses, for /metrics. */
  usage(): ProcessUsage;
}

/** After a failure: requests that come meanwhile are answered, not cut. */
const LINGER_MS = 200;

export class Server {
  readonly #listener: HttpListener;
  readonly #admission: Admission;
  readonly #model: ServedModel;
  readonly #metrics: Metrics;
  readonly #settings: ServeSettings;
  /** Resolves with the reason if the model fails. */
  readonly failed: Promise<unknown>;

  constructor(settings: ServeSettings, events: ServerEvents) {
    let onFailure: (error: unknown) => void = () => {};
    this.failed = new Promise((resolve) => {
      onFailure = resolve;
    });
    this.#settings = settings;
    this.#admission = new Admission(settings);
    this.#model = new ServedModel(onFailure);
    this.#metrics = new Metrics(events.usage);
    const parts = { settings, model: this.#model, admission: this.#admission, metrics: this.#metrics };
    const { onLog, onPrompt, onBug } = events;
    const service = { ...parts, access: new Access(settings), onLog, onPrompt, onBug };
    this.#listener = new HttpListener(createListener(service), settings.tls);
  }

  /** Opens the port, before there is a model: requests get a 503 until then. Throws LlamaError for a port that cannot be had. */
  listen(): Promise<{ host: string; port: number }> {
    return this.#listener.listen(this.#settings.host, this.#settings.port);
  }

  progress(bytes: number, total: number): void {
    this.#model.progress = { bytes, total };
  }

  /** The model has loaded. */
  start(llama: ServerModel): void {
    this.#model.start(llama);
  }

  /** Takes no more requests, and lets those that run end in time. Returns whether all of them did. */
  async drain(): Promise<boolean> {
    this.#model.isDraining = true;
    this.#listener.drain();
    const reason = () => unavailable("draining", "The server is ending", 10);
    this.#admission.cancel(reason(), "waiting");
    if (await this.#listener.whenIdle(this.#settings.drainTimeoutMs)) return true;
    this.#admission.cancel(reason(), "all");
    await this.#listener.whenIdle(1000);
    return false;
  }

  /** Lets those who wait for an answer, and those whose request is on its way, get their error. */
  async fail(): Promise<void> {
    this.#model.noteFailure();
    await new Promise((wake) => setTimeout(wake, LINGER_MS));
    this.#listener.drain();
    await this.#listener.whenIdle(1000);
  }

  /** Notes the time of a step of the model. */
  step(milliseconds: number): void {
    this.#metrics.observe("step_seconds", milliseconds / 1000);
  }

  /** New connections get this certificate. Throws LlamaError for what is not one; the old one stays then. */
  setTls(tls: TlsFiles): void {
    this.#listener.setTls(tls);
  }

  close(): void {
    this.#listener.close();
    this.#metrics.stop();
  }
}
