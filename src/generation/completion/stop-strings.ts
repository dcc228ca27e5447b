/** Finds the first of several strings in text that comes in pieces, and holds back what may be the beginning of one. Knows text, not tokens. */

export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";
  /** A stop string has been found: nothing behind it is given out. */
  found = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Adds text; returns what can be no part of a stop string. */
  push(text: string): string {
    if (this.found) return "";
    const all = this.#held + text;
    const start = this.#find(all);
    this.found = start !== null;
    const end = start ?? all.length - this.#possible(all);
    this.#held = this.found ? "" : all.slice(end);
    return all.slice(0, end);
  }

  /** Ends the text: what was held back is text after all. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** Where the one begins that is complete first; of several that are so at once the longest. So the pieces do not matter. */
  #find(text: string): number | null {
    let best: { start: number; end: number } | null = null;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      const end = start + stop.length;
      if (start < 0 || (best && (end > best.end || (end === best.end && start > best.start)))) continue;
      best = { start, end };
    }
    return best?.start ?? null;
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
