/** Encodes long texts in a thread of its own, so that the host's other work does not wait. Does not know kinds of vocabularies. */
import { Worker } from "node:worker_threads";
import { LlamaError } from "../../error.js";
import type { EncodeAnswer, EncodeRequest, EncodeWorkerData } from "./encode-worker.js";

/** Characters from which on a text is worth a message to the thread, and its start with the first one. */
export const LONG_TEXT = 16_384;

interface Waiting {
  resolve: (ids: number[]) => void;
  reject: (error: unknown) => void;
}

export class EncodeThread {
  readonly #data: EncodeWorkerData;
  #worker: Worker | null = null;
  #next = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** The thread starts with the first text. */
  constructor(path: string, set: EncodeWorkerData["set"], settings?: EncodeWorkerData["settings"]) {
    this.#data = { path, set, settings };
  }

  /** Ids of a text, without a beginning-of-sentence token; `special` is that of EncodeOptions. Throws LlamaError (usage) for a text that cannot be encoded. */
  encode(text: string, special = false): Promise<number[]> {
    this.#worker ??= this.#start();
    this.#worker.ref();
    const request: EncodeRequest = { number: this.#next++, text, special };
    this.#worker.postMessage(request);
    return new Promise((resolve, reject) => this.#waiting.set(request.number, { resolve, reject }));
  }

  /** Ends the thread; texts that wait are given up. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./encode-worker.js", import.meta.url), { workerData: this.#data });
    const end = (error: unknown) => {
      // A failure is followed by an exit, when another thread may have been started.
      if (this.#worker !== worker) return;
      this.#worker = null;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    worker.on("message", (answer: EncodeAnswer) => {
      const { resolve, reject } = this.#waiting.get(answer.number)!;
      this.#waiting.delete(answer.number);
      // An idle thread does not keep the process alive.
      if (this.#waiting.size === 0) worker.unref();
      if ("ids" in answer) resolve([...answer.ids]);
      else reject(new LlamaError("usage", "the text cannot be encoded", { found: String(answer.problem) }));
    });
    worker.on("error", end);
    worker.on("exit", () => end(new LlamaError("runtime", "the thread that encodes texts has ended")));
    return worker;
  }
}
