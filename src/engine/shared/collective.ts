/**
 * Sums over ranks on shared memory, and the words by which a group stops together.
 * Knows ranks and numbers; not what is summed.
 */

// Words of the control block, each on a cache line of its own (16 int32 = 64 bytes) against false sharing.
const LINE = 16;
const ARRIVED = 0 * LINE;
const GENERATION = 1 * LINE;
const CANCEL = 2 * LINE;
const BROKEN = 3 * LINE;
const DECISION = 4 * LINE; // two lines, by parity of the generation
const CONTROL_WORDS = 6 * LINE;

/** Above this many numbers each rank sums only its share of them; below, a second barrier costs more than it saves. */
const SHARED_SUM = 1 << 16;
/** Polls between two looks at the clock. */
const POLLS = 500;
/** A waiting rank looks at the words this often, in milliseconds, in case a notification is lost with its sender. */
const WAIT_SLICE = 100;

/** Shared memory of one group. */
export interface CollectiveMemory {
  control: SharedArrayBuffer;
  /** [2, worldSize, capacity] floats: one slot a rank, twice, so that one barrier a sum is enough. */
  slots: SharedArrayBuffer;
}

/** Memory for sums of at most `capacity` floats. */
export function allocateCollective(worldSize: number, capacity: number): CollectiveMemory {
  return {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
    slots: new SharedArrayBuffer(worldSize > 1 ? 2 * worldSize * capacity * 4 : 0),
  };
}

/** Asks the ranks to leave the running step at the next point where all of them stand together. */
export function requestCancel(memory: CollectiveMemory, cancel: boolean): void {
  Atomics.store(new Int32Array(memory.control), CANCEL, cancel ? 1 : 0);
}

/** Makes every wait of the group throw, now and later: a rank is gone. */
export function breakGroup(memory: CollectiveMemory): void {
  const control = new Int32Array(memory.control);
  Atomics.store(control, BROKEN, 1);
  Atomics.notify(control, GENERATION);
}

/** Throws once the group is broken: a place to leave long work that has no sums, such as loading. */
export function throwIfBroken(memory: CollectiveMemory): void {
  if (Atomics.load(new Int32Array(memory.control), BROKEN) === 1) throw new Error("another rank has failed");
}

/** Thrown in every rank when the step was cancelled. */
export class StepCancelled extends Error {
  override readonly name = "StepCancelled";
}

/** One rank's end of the group. */
export class Collective {
  /** Milliseconds spent waiting for other ranks since the last reset. */
  waited = 0;
  /** Milliseconds spent in sums since the last reset, waiting included. */
  summing = 0;
  readonly #memory: CollectiveMemory;
  readonly #control: Int32Array;
  readonly #slots: Float32Array[][]; // [half][rank] -> [capacity]
  readonly #rank: number;
  readonly #worldSize: number;
  readonly #spinMs: number;
  /** Half of the slots the next sum writes: a slow rank may still read the other. */
  #half = 0;
  /** Line of the next decision. */
  #parity = 0;

  /** `spinMs`: how long a waiting rank polls before it sleeps, in milliseconds; 0 where ranks outnumber cores. */
  constructor(memory: CollectiveMemory, rank: number, worldSize: number, spinMs: number) {
    this.#memory = memory;
    this.#control = new Int32Array(memory.control);
    this.#rank = rank;
    this.#worldSize = worldSize;
    this.#spinMs = spinMs;
    const capacity = memory.slots.byteLength / 8 / worldSize;
    this.#slots = [0, 1].map((half) =>
      Array.from(
        { length: worldSize },
        (_, of) => new Float32Array(memory.slots, (half * worldSize + of) * capacity * 4, capacity),
      ),
    );
  }

  /** Throws StepCancelled when a rank that is alone shall stop; with more ranks every sum is such a place. */
  checkpoint(): void {
    if (this.#worldSize === 1 && Atomics.load(this.#control, CANCEL) === 1) throw new StepCancelled();
  }

  /** target += sum over ranks of partial. Added in rank order, so every rank holds the same bits. */
  addAllReduce(target: Float32Array, partial: Float32Array): void {
    const start = performance.now();
    this.#addAllReduce(target, partial);
    this.summing += performance.now() - start;
  }

  #addAllReduce(target: Float32Array, partial: Float32Array): void {
    const slots = this.#slots[this.#half]!;
    this.#half ^= 1;
    const length = partial.length;
    slots[this.#rank]!.set(partial);
    this.#barrier();
    if (length < SHARED_SUM) {
      addInOrder(target, slots, length);
      return;
    }
    // Each rank's share of the sum lands in slot 0, where no other rank reads; the second barrier makes it whole.
    const from = Math.floor((length * this.#rank) / this.#worldSize);
    const to = Math.floor((length * (this.#rank + 1)) / this.#worldSize);
    sumIntoFirst(slots, from, to);
    this.#barrier();
    const total = slots[0]!;
    for (let i = 0; i < length; i++) target[i]! += total[i]!;
  }

  /**
   * Waits until all ranks have arrived. Rank 0 publishes, before it arrives, whether the group shall stop; as the word
   * alternates between two lines, it cannot be overwritten before the slowest rank has read it after the barrier.
   */
  #barrier(): void {
    const control = this.#control;
    const parity = this.#parity;
    this.#parity ^= 1;
    if (this.#rank === 0) Atomics.store(control, DECISION + parity * LINE, Atomics.load(control, CANCEL));
    const generation = Atomics.load(control, GENERATION);
    if (Atomics.add(control, ARRIVED, 1) === this.#worldSize - 1) {
      Atomics.store(control, ARRIVED, 0);
      Atomics.add(control, GENERATION, 1);
      Atomics.notify(control, GENERATION);
    } else {
      const start = performance.now();
      while (performance.now() - start < this.#spinMs) {
        let polls = POLLS;
        while (polls > 0 && Atomics.load(control, GENERATION) === generation) polls--;
        if (polls > 0) break;
      }
      while (Atomics.load(control, GENERATION) === generation) {
        throwIfBroken(this.#memory);
        Atomics.wait(control, GENERATION, generation, WAIT_SLICE);
      }
      this.waited += performance.now() - start;
    }
    if (Atomics.load(control, DECISION + parity * LINE) === 1) throw new StepCancelled();
  }
}

/** target[0..length) += slots[0] + slots[1] + ... */
function addInOrder(target: Float32Array, slots: readonly Float32Array[], length: number): void {
  const [first, second] = slots;
  if (slots.length === 2) {
    for (let i = 0; i < length; i++) target[i]! += Math.fround(first![i]! + second![i]!);
    return;
  }
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (const slot of slots) sum = Math.fround(sum + slot[i]!);
    target[i]! += sum;
  }
}

/** slots[0][from..to) = slots[0] + slots[1] + ... */
function sumIntoFirst(slots: readonly Float32Array[], from: number, to: number): void {
  const first = slots[0]!;
  for (const slot of slots.slice(1)) {
    for (let i = from; i < to; i++) first[i]! += slot[i]!;
  }
}
