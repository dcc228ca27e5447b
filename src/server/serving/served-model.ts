/** The one model of a server, from the open port to the end: loading, ready, draining or failed. Does not know HTTP. */
import { type ApiError, unavailable } from "../http/api-error.js";
import type { ServerModel } from "./server-model.js";

export class ServedModel {
  /** Bytes read, and to be read. */
  progress: { bytes: number; total: number } | null = null;
  isDraining = false;
  #llama: ServerModel | null = null;
  #failure: { error: unknown } | null = null;
  readonly #loadingSince = performance.now();
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is called once, when the model can run no request any more. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  start(llama: ServerModel): void {
    this.#llama = llama;
  }

  /** The model in whatever state, if it has loaded. */
  get loaded(): ServerModel | null {
    return this.#llama;
  }

  /** Why it takes no requests; null if it does. */
  get refusal(): ApiError | null {
    this.noteFailure();
    if (this.#failure) return unavailable("engine_failed", "The model has failed, and the server ends", 10);
    if (this.isDraining) return unavailable("draining", "The server is ending", 10);
    if (!this.#llama) return unavailable("loading", `The model is loading${this.#shown()}`, this.#remaining());
    return null;
  }

  /** The model. Throws ApiError if it takes no requests. */
  get ready(): ServerModel {
    const { refusal } = this;
    if (refusal) throw refusal;
    return this.#llama!;
  }

  /** Looks whether the engine has failed. */
  noteFailure(): void {
    const failure = this.#llama?.failure;
    if (!failure || this.#failure) return;
    this.#failure = failure;
    this.#onFailure(failure.error);
  }

  #shown(): string {
    if (!this.progress || this.progress.total === 0) return "";
    return `: ${Math.floor((100 * this.progress.bytes) / this.progress.total)} %`;
  }

  /** Seconds until it is loaded, 1 to 60. */
  #remaining(): number {
    if (!this.progress || this.progress.bytes === 0) return 2;
    const { bytes, total } = this.progress;
    const seconds = (performance.now() - this.#loadingSince) / 1000;
    return Math.min(60, Math.max(1, (seconds * (total - bytes)) / bytes));
  }
}
