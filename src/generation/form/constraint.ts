/** What binds the tokens of one answer to its form: where the answer is in it, and which tokens may follow. Does not choose tokens. */
import { LlamaError } from "../../error.js";
import type { MaskCache } from "./mask-cache.js";
import type { State, States } from "./states.js";

/** Bytes that are looked for where the form leaves one way: longer ones come in several steps. */
const MAX_FORCED = 256;

export interface ConstraintOptions {
  states: States;
  masks: MaskCache;
  /** Tokens that may end the text where it is whole. */
  stopIds: ReadonlySet<number>;
  /** Ids of a text that follows another. */
  encode: (text: string) => readonly number[];
  /** Whether a space at the start of the text would be lost. */
  dropsSpace: boolean;
}

export class Constraint {
  readonly #states: States;
  readonly #masks: MaskCache;
  readonly #stopIds: ReadonlySet<number>;
  readonly #encode: (text: string) => readonly number[];
  #dropsSpace: boolean;
  #state: State;

  constructor({ states, masks, stopIds, encode, dropsSpace }: ConstraintOptions) {
    this.#states = states;
    this.#masks = masks;
    this.#stopIds = stopIds;
    this.#encode = encode;
    this.#dropsSpace = dropsSpace;
    this.#state = states.start;
  }

  /** Whether the text so far is a whole of its form. */
  get isComplete(): boolean {
    return this.#state.isComplete;
  }

  /** Whether the text is whole and nothing may follow. */
  get isOver(): boolean {
    return this.#state.isComplete && this.#following(1).length === 0;
  }

  /**
   * A copy of `logits` [tokens] with -Infinity for tokens that may not follow. The stops may follow where the text is whole.
   * Throws LlamaError (usage) if no token may follow, or the form can read the text in too many ways.
   */
  mask(logits: Float32Array): Float32Array {
    const allowed = this.#masks.of(this.#states, this.#state);
    const { texts } = this.#masks.trie;
    const bound = new Float32Array(logits.length).fill(Number.NEGATIVE_INFINITY);
    let isAny = false;
    for (let word = 0; word < allowed.length; word++) {
      const bits = allowed[word]!;
      if (bits === 0) continue;
      const first = word * 32;
      if (bits === -1 && !this.#dropsSpace) {
        bound.set(logits.subarray(first, first + 32), first);
        isAny = true;
        continue;
      }
      for (let rest = bits; rest !== 0; rest &= rest - 1) {
        const id = first + 31 - Math.clz32(rest & -rest);
        if (this.#dropsSpace && texts[id]![0] === " ") continue;
        bound[id] = logits[id]!;
        isAny = true;
      }
    }
    for (const id of this.#stopIds) {
      if (id >= logits.length) continue;
      bound[id] = this.#state.isComplete ? logits[id]! : Number.NEGATIVE_INFINITY;
      isAny ||= this.#state.isComplete;
    }
    if (isAny) return bound;
    throw new LlamaError("usage", "leaves no token of the vocabulary that may follow", {
      where: "form",
      fix: "The tokenizer cannot write what the form asks for",
    });
  }

  /** Whether a token may follow; it is not a stop. */
  allows(id: number): boolean {
    return this.#after(this.#state, id) !== null;
  }

  /** How many of these tokens may follow, one after the other. */
  prefix(ids: readonly number[]): number {
    this.#states.renew();
    let state: State | null = this.#state;
    for (const [i, id] of ids.entries()) {
      state = this.#stopIds.has(id) ? null : this.#after(state, id);
      if (state === null) return i;
    }
    return ids.length;
  }

  /** Adds a token that was chosen. */
  accept(id: number): void {
    this.#states.renew();
    const next = this.#after(this.#state, id);
    if (next === null) throw new Error(`token ${id} leaves the form`);
    this.#state = next;
    this.#dropsSpace = false;
  }

  /** Tokens of the only text that may follow, as the tokenizer writes it; without the last one, which may be longer. */
  forced(): readonly number[] {
    this.#states.renew();
    const bytes: number[] = [];
    let state = this.#state;
    while (bytes.length < MAX_FORCED && !state.isComplete) {
      const groups = this.#following(2, state);
      const byte = groups.length === 1 ? this.#states.machine.onlyByte(groups[0]!) : null;
      if (byte === null) break;
      bytes.push(byte);
      state = this.#states.step(state, groups[0]!)!;
    }
    if (bytes.length < 2) return [];
    const isEnd = state.isComplete && this.#following(1, state).length === 0;
    const text = Buffer.from(bytes).toString();
    // A part of a character at the start or the end is no text.
    if (text.includes("\uFFFD")) return [];
    const ids = this.#encode(text);
    const whole = isEnd ? ids : ids.slice(0, -1);
    return whole.slice(0, this.prefix(whole));
  }

  #after(state: State, id: number): State | null {
    if (this.#dropsSpace && state === this.#state && this.#masks.trie.texts[id]?.[0] === " ") return null;
    return this.#masks.trie.after(this.#states, state, id);
  }

  /** Up to `most` classes of bytes that may follow. */
  #following(most: number, state: State = this.#state): number[] {
    const groups: number[] = [];
    for (let group = 0; group < state.next.length && groups.length < most; group++) {
      if (this.#states.step(state, group) !== null) groups.push(group);
    }
    return groups;
  }
}
