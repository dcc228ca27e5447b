/** The lines that a command prints about its job in a queue. */
import { plural } from "../../formats/files/amounts.js";
import type { JobEvent } from "../../net/queue/job-watch.js";
import { number } from "../json-lines/line-progress.js";
import { printNote } from "../terminal/notes.js";

export class JobNotes {
  readonly #flags: { quiet?: true | undefined; verbose?: true | undefined };
  readonly #identity: string;
  readonly #clear: () => void;

  /** `identity`: the model in words. `clear`: removes the progress line. */
  constructor(flags: { quiet?: true | undefined; verbose?: true | undefined }, identity: string, clear: () => void) {
    this.#flags = flags;
    this.#identity = identity;
    this.#clear = clear;
  }

  event(event: JobEvent): void {
    switch (event.kind) {
      case "full":
        if (this.#flags.verbose) this.print("The queue is full: waiting until workers have taken requests.");
        break;
      case "no-workers": {
        const waiting = plural(event.waiting, "request", number);
        this.print(`No worker takes requests of this model (${this.#identity}); ${waiting} wait.`);
        this.print("Start llama-ts worker with the same --queue, --ckpt_dir and --dtype.");
        break;
      }
      case "consumer-made-again":
        if (this.#flags.verbose)
          this.print("The server delivered nothing that waits: its list of deliveries was made again.");
        break;
      case "disconnected":
        this.print("The connection to the server is lost; waiting for it.");
        break;
      case "reconnected":
        this.print("The server is there again.");
        break;
      case "trouble":
        this.print(`Trouble with the server: ${event.error.message}`);
    }
  }

  /** After an interruption. */
  left(open: number): void {
    if (open > 0) this.print(`${plural(open, "request", number)} stay in the queue; their answers are kept there.`);
  }

  print(text: string): void {
    if (this.#flags.quiet) return;
    this.#clear();
    printNote(text);
  }
}
