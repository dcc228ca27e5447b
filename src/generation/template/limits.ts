/** The limits of one rendering: steps, time, and the sizes of what a template makes. A template comes from strangers. Does not know Jinja. */
import { LlamaError } from "../../error.js";

const MAX_STEPS = 2_000_000;
const MAX_MS = 5000;
/** Characters of all texts that a template makes, beside those that follow from the messages. */
const OWN_CHARACTERS = 16 << 20;
/** How often a template may use each character of the messages. */
const USES = 256;
const MAX_ITEMS = 1 << 20;
/** The work after which the clock is looked at, in steps; many characters or items are as much work as a step. */
const LOOK_AFTER = 256;
const CHARACTERS_A_STEP = 1024;
const ITEMS_A_STEP = 16;

/** A limit was exceeded. */
export class LimitError extends Error {}

export class Limits {
  readonly #end = performance.now() + MAX_MS;
  readonly #characters: number;
  #steps = 0;
  #used = 0;
  /** Work since the last look at the clock. */
  #work = 0;

  /** `input`: characters of the messages. */
  constructor(input: number) {
    this.#characters = OWN_CHARACTERS + USES * input;
  }

  /** Counts a step. */
  step(): void {
    if (++this.#steps > MAX_STEPS) throw new LimitError(`more than ${MAX_STEPS} steps`);
    this.#worked(1);
  }

  /** Counts characters, before they are made where that may be many. */
  characters(count: number): void {
    this.#used += count;
    if (!(this.#used <= this.#characters)) throw new LimitError("its texts are too long");
    this.#worked(count / CHARACTERS_A_STEP);
  }

  /** Checks the length of a list, before it is made, and counts its items. */
  items(count: number): void {
    if (!(count <= MAX_ITEMS)) throw new LimitError(`a list of more than ${MAX_ITEMS} items`);
    this.characters(count);
    this.#worked(count / ITEMS_A_STEP);
  }

  #worked(steps: number): void {
    this.#work += steps;
    if (this.#work < LOOK_AFTER) return;
    this.#work = 0;
    if (performance.now() > this.#end) throw new LimitError(`more than ${MAX_MS / 1000} seconds`);
  }
}

/** The largest source of a template, in characters. */
const MAX_SOURCE = 1 << 20;
/** The library searches runs of white space in quadratic time. */
const MAX_SPACES = 2000;

/** Throws LlamaError (usage) for a source that would take the library long to read. */
export function checkSource(source: string, where: string): void {
  const expected = `at most ${MAX_SOURCE} characters`;
  if (source.length > MAX_SOURCE)
    throw new LlamaError("usage", "is too long", { where, expected, found: String(source.length) });
  if (new RegExp(`\\s{${MAX_SPACES}}`).test(source)) {
    throw new LlamaError("usage", `has ${MAX_SPACES} spaces in a row`, { where });
  }
}
