/** Writes text to stdout with back-pressure, and stops when the reader has closed the pipe. */
import { LlamaError } from "../../error.js";

/** Logs the text in addition to stdout, or instead of it. */
export interface TextLog {
  readonly showsText: boolean;
  keepText(text: string): void;
}

export class Output {
  /** True after the reader has closed the pipe (EPIPE) or the terminal has closed (EIO): no more output is needed. */
  closed = false;
  readonly #stream: NodeJS.WritableStream;
  readonly #onClosed: () => void;
  readonly #log: TextLog | null;

  constructor(stream: NodeJS.WritableStream, onClosed: () => void, log: TextLog | null = null) {
    this.#stream = stream;
    this.#onClosed = onClosed;
    this.#log = log;
  }

  /** Writes the text and waits until the stream has accepted it, so that a slow reader slows the writer down. */
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

/** Prevents a closed pipe from ending the process with a stack trace; writers get the error through their callbacks. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") process.exitCode = 1;
    });
  }
}
