/** Stop strings: finds the first of several in text that comes in pieces, and holds back what may be the beginning of one. */

export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";
  /** The stop string that was found: no text after it is returned. */
  found: string | null = null;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Adds text; returns what cannot be part of a stop string. */
  push(text: string): string {
    if (this.found !== null) return "";
    const all = this.#held + text;
    const found = this.#find(all);
    this.found = found?.stop ?? null;
    const end = found?.start ?? all.length - this.#possible(all);
    this.#held = found ? "" : all.slice(end);
    return all.slice(0, end);
  }

  /** Ends the text: what was held back is text. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** The stop string that is complete first, of several the longest; so the pieces do not matter. */
  #find(text: string): { start: number; stop: string } | null {
    let best: { start: number; end: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      const end = start + stop.length;
      if (start < 0 || (best && (end > best.end || (end === best.end && start > best.start)))) continue;
      best = { start, end, stop };
    }
    return best;
  }

  /** Length of the longest end of `text` that a stop string begins with. */
  #possible(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
