/**
 * The states of a machine as they are met: sets of nodes with the calls they are in, and their successors by byte. Does not know
 * tokens. A state is made once and then found again, as in a lazy automaton (Thompson; Cox, "Regular Expression Matching").
 */
import { LlamaError } from "../../error.js";
import type { Machine } from "./machine.js";

/** Places in one state at most: a grammar that needs more reads a text in too many ways at once. */
const MAX_PLACES = 4096;
/** Numbers in all states of a form at most, some MB; then they are made again. */
const MAX_CELLS = 250_000;
/** Places that one question may look at: about a second. */
const MAX_WORK = 5_000_000;

/** A call that is open: the node after it, and the call around it. */
class Frame {
  readonly after: number;
  readonly outer: Frame | null;
  readonly id: number;
  readonly #inner = new Map<number, Frame>();

  constructor(after: number, outer: Frame | null, id: number) {
    this.after = after;
    this.outer = outer;
    this.id = id;
  }

  call(after: number, newId: () => number): Frame {
    let frame = this.#inner.get(after);
    if (frame === undefined) {
      frame = new Frame(after, this, newId());
      this.#inner.set(after, frame);
    }
    return frame;
  }
}

interface Place {
  readonly node: number;
  readonly frame: Frame;
}

export class State {
  readonly places: readonly Place[];
  /** Whether the text may end here. */
  readonly isComplete: boolean;
  /** By class of bytes; null: no byte of it may follow; undefined: not known yet. */
  readonly next: (State | null | undefined)[];
  /** The one state after any plain character, or whether some or none may follow; undefined: not known yet. */
  afterPlain: State | "some" | "none" | undefined;

  constructor(places: readonly Place[], isComplete: boolean, classes: number) {
    this.places = places;
    this.isComplete = isComplete;
    this.next = new Array(classes).fill(undefined);
  }
}

export class States {
  readonly machine: Machine;
  #states = new Map<string, State>();
  #root = new Frame(-1, null, 0);
  #frames = 1;
  #cells = 0;
  #start: State | null = null;
  #work = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** The state before the first byte. */
  get start(): State {
    this.renew();
    this.#start ??= this.#close([{ node: this.machine.start, frame: this.#root }])!;
    return this.#start;
  }

  /** Begins a new question: the work of each is bounded. */
  renew(): void {
    this.#work = 0;
    if (this.#cells <= MAX_CELLS) return;
    // Answers that run keep the states that they are in.
    this.#states = new Map();
    this.#root = new Frame(-1, null, 0);
    this.#cells = 0;
    this.#start = null;
  }

  /** The state after a byte of a class; null if it may not follow. */
  step(state: State, group: number): State | null {
    const known = state.next[group];
    if (known !== undefined) return known;
    const byte = this.machine.bytes[group]!;
    const reached: Place[] = [];
    for (const { node, frame } of state.places) {
      const { bytes } = this.machine.edges(node);
      for (let i = 0; i < bytes.length; i += 3) {
        if (byte >= bytes[i]! && byte <= bytes[i + 1]!) reached.push({ node: bytes[i + 2]!, frame });
      }
    }
    const next = reached.length === 0 ? null : this.#close(reached);
    state.next[group] = next;
    return next;
  }

  /** The state of all places that are reached without a byte. */
  #close(begin: readonly Place[]): State | null {
    const seen = new Map<number, Set<Frame>>();
    const queue: Place[] = [];
    const opened = new Set<Frame>();
    const add = (node: number, frame: Frame) => {
      const frames = seen.get(node);
      if (frames?.has(frame)) return;
      if (frames) frames.add(frame);
      else seen.set(node, new Set([frame]));
      queue.push({ node, frame });
    };
    for (const { node, frame } of begin) add(node, frame);
    const places: Place[] = [];
    let isComplete = false;
    for (let at = 0; at < queue.length; at++) {
      const place = queue[at]!;
      const { node, frame } = place;
      const { bytes, empty, calls, isEnd } = this.machine.edges(node);
      if (bytes.length > 0) places.push(place);
      for (const target of empty) add(target, frame);
      for (let i = 0; i < calls.length; i += 2) {
        const [start, after] = [calls[i]!, calls[i + 1]!];
        // After a call at the end of a rule comes what comes after the rule.
        const inner = this.machine.isOnlyEnd(after) ? frame : frame.call(after, () => this.#frames++);
        if (inner !== frame) opened.add(inner);
        add(start, inner);
      }
      if (isEnd && frame.outer === null) isComplete = true;
      // An empty turn of a counted repetition leads nowhere that its other ways out do not.
      else if (isEnd && !(opened.has(frame) && frame.after >= 2 ** 32)) add(frame.after, frame.outer!);
      if (++this.#work > MAX_WORK || places.length > MAX_PLACES) throw tooAmbiguous();
    }
    const keys = places.map(({ node, frame }) => `${node}.${frame.id}`).sort();
    const key = `${isComplete}${keys.join()}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      state = new State(places, isComplete, this.machine.bytes.length);
      this.#cells += this.machine.bytes.length + 2 * places.length;
      this.#states.set(key, state);
    }
    return state;
  }
}

function tooAmbiguous(): LlamaError {
  return new LlamaError("usage", "can read a text in too many ways at once", {
    where: "form",
    fix: "Write it so that the next characters decide which part they belong to, with fewer repetitions within repetitions",
  });
}
