/** Text to stdout: with back-pressure, and with an end when the reader is gone. Knows nothing of what is written. */
import { LlamaError } from "../../error.js";

/** Keeps what is written as well, or instead. */
export interface TextLog {
  readonly showsText: boolean;
  keepText(text: string): void;
}

export class Output {
  /** The reader has closed the pipe (EPIPE) or the terminal is gone (EIO): nothing more is wanted. */
  closed = false;
  readonly #stream: NodeJS.WritableStream;
  readonly #onClosed: () => void;
  readonly #log: TextLog | null;

  constructor(stream: NodeJS.WritableStream, onClosed: () => void, log: TextLog | null = null) {
    this.#stream = stream;
    this.#onClosed = onClosed;
    this.#log = log;
  }

  /** Waits until the text is on its way, so that a slow reader slows the writer down. */
  async write(text: string): Promise<void> {
    if (this.closed || text === "") return;
    this.#log?.keepText(text);
    if (this.#log?.showsText === false) return;
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
      this.#stream.write(text, resolve);
    });
    if (!error) return;
    this.closed = true;
    this.#onClosed();
    if (error.code !== "EPIPE" && error.code !== "EIO")
      throw new LlamaError("runtime", `cannot write: ${error.message}`, { where: "stdout" });
  }
}

/** Keeps a closed pipe from ending the process with a stack; writers hear of it through their callbacks. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") process.exitCode = 1;
    });
  }
}
