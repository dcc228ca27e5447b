/**
 * Sums arrays over ranks in shared memory, and holds the flags by which a group of ranks stops together.
 * Does not know what is summed.
 */

// Words of the control block, each on its own cache line (16 int32 = 64 bytes) to avoid false sharing.
const LINE = 16;
const ARRIVED = 0 * LINE;
const GENERATION = 1 * LINE;
const CANCEL = 2 * LINE;
const BROKEN = 3 * LINE;
const DECISION = 4 * LINE; // two lines, by parity of the generation
const CONTROL_WORDS = 6 * LINE;

/** From this many numbers on, each rank sums only its share; for fewer, the second barrier costs more than it saves. */
const SHARED_SUM = 1 << 16;
/** Polls between two readings of the clock. */
const POLLS = 500;
/** A waiting rank rereads the control words after this many milliseconds, in case a failed rank never notified it. */
const WAIT_SLICE = 100;

/** Shared memory of one group. */
export interface CollectiveMemory {
  control: SharedArrayBuffer;
  /** [2, worldSize, capacity] floats: one slot per rank, twice, so that one barrier per sum is enough. */
  slots: SharedArrayBuffer;
}

/** Allocates memory for sums of at most `capacity` floats. */
export function allocateCollective(worldSize: number, capacity: number): CollectiveMemory {
  return {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
    slots: new SharedArrayBuffer(worldSize > 1 ? 2 * worldSize * capacity * 4 : 0),
  };
}

/** Asks the ranks to leave the running step at their next common barrier; false withdraws the request. */
export function requestCancel(memory: CollectiveMemory, cancel: boolean): void {
  Atomics.store(new Int32Array(memory.control), CANCEL, cancel ? 1 : 0);
}

/** Makes every wait of the group throw, now and later, because a rank failed. */
export function breakGroup(memory: CollectiveMemory): void {
  const control = new Int32Array(memory.control);
  Atomics.store(control, BROKEN, 1);
  Atomics.notify(control, GENERATION);
}

/** Throws if the group is broken. Lets a rank leave long work without sums, such as loading. */
export function throwIfBroken(memory: CollectiveMemory): void {
  if (Atomics.load(new Int32Array(memory.control), BROKEN) === 1) throw new Error("another rank has failed");
}

/** Thrown in every rank when the host cancels the step. */
export class StepCancelled extends Error {
  override readonly name = "StepCancelled";
}

/** One rank's access to the group. */
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
  /** Half of the slots that the next sum writes; a slow rank may still read the other. */
  #half = 0;
  /** Which of the two decision lines comes next. */
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

  /** Throws StepCancelled if a single rank must stop; with more ranks every sum checks this. */
  checkpoint(): void {
    if (this.#worldSize === 1 && Atomics.load(this.#control, CANCEL) === 1) throw new StepCancelled();
  }

  /** target += sum of `partial` over ranks. Adds in rank order, so every rank has the same bits. Throws StepCancelled, or Error if the group is broken. */
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
    // Each rank writes its share of the sum into slot 0, which no other rank reads there; after the second barrier it is complete.
    const from = Math.floor((length * this.#rank) / this.#worldSize);
    const to = Math.floor((length * (this.#rank + 1)) / this.#worldSize);
    sumIntoFirst(slots, from, to);
    this.#barrier();
    const total = slots[0]!;
    for (let i = 0; i < length; i++) target[i]! += total[i]!;
  }

  /**
   * Waits until all ranks have arrived. Before it arrives, rank 0 publishes whether the group must stop. The word
   * alternates between two lines, so it cannot be overwritten before the slowest rank has read it after the barrier.
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
