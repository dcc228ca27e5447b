/** Passes on what the child writes to stderr, and holds back what V8 and WebAssembly print when memory ends. Does not know why it ended. */
import type { Readable } from "node:stream";

/** What V8 prints before it ends the process; everything after it belongs to it. */
const DYING = /\n*(#\n# Fatal|<--- Last few GCs|FATAL ERROR:|# Fatal error in)/;
/** What modules of WebAssembly print before they throw, which is reported. */
const CHATTER = /^(failed to asynchronously prepare wasm|Aborted\(RangeError: WebAssembly).*\n/gm;

export class LastWords {
  #held = "";

  /** `write`: prints on stderr. */
  constructor(stream: Readable, write: (text: string) => void) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      const at = this.#held === "" ? text.search(DYING) : 0;
      const passed = at < 0 ? text : text.slice(0, at);
      if (at >= 0) this.#held += text.slice(at);
      write(passed.replace(CHATTER, ""));
    });
  }

  /** What was held back. */
  get held(): string {
    return this.#held;
  }
}
