/** Python's random.Random(seed): the generator and the draws of its method sample, to get the same few-shot examples. Not for secrets. */

const SIZE = 624;
const SHIFT = 397;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;
const MATRIX = 0x9908b0df;

/** MT19937 by Matsumoto and Nishimura, seeded as CPython's random.seed(integer) does. */
export class PythonRandom {
  readonly #state = new Uint32Array(SIZE);
  #index = SIZE;

  /** `seed`: an integer; Python takes its absolute value. */
  constructor(seed: number | bigint) {
    const key: number[] = [];
    let rest = BigInt(seed);
    if (rest < 0n) rest = -rest;
    do {
      key.push(Number(rest & 0xffffffffn));
      rest >>= 32n;
    } while (rest > 0n);
    this.#seedByArray(key);
  }

  /** init_by_array of mt19937ar.c */
  #seedByArray(key: readonly number[]): void {
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
    let i = 1;
    let j = 0;
    const next = () => {
      if (++i < SIZE) return;
      state[0] = state[SIZE - 1]!;
      i = 1;
    };
    const mixed = (factor: number) => Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), factor);
    for (let k = Math.max(SIZE, key.length); k > 0; k--) {
      state[i] = (state[i]! ^ mixed(1664525)) + key[j]! + j;
      next();
      j = (j + 1) % key.length;
    }
    for (let k = SIZE - 1; k > 0; k--) {
      state[i] = (state[i]! ^ mixed(1566083941)) - i;
      next();
    }
    state[0] = UPPER;
  }

  /** The next 32 bits, as an integer from 0. */
  word(): number {
    if (this.#index === SIZE) this.#refill();
    let y = this.#state[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #refill(): void {
    const state = this.#state;
    for (let k = 0; k < SIZE; k++) {
      const y = (state[k]! & UPPER) | (state[(k + 1) % SIZE]! & LOWER);
      state[k] = state[(k + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? MATRIX : 0);
    }
    this.#index = 0;
  }

  /** An integer from 0 to n - 1 (_randbelow_with_getrandbits); n is at most 2^32 - 1. */
  below(n: number): number {
    const bits = 32 - Math.clz32(n);
    let value: number;
    do value = this.word() >>> (32 - bits);
    while (value >= n);
    return value;
  }

  /** Indices of a draw of `count` of `size` things without repetition, in the order of random.sample. */
  sample(size: number, count: number): number[] {
    if (count > size) throw new RangeError(`${count} of ${size} cannot be drawn`);
    let threshold = 21;
    if (count > 5) threshold += 4 ** Math.ceil(Math.log(count * 3) / Math.log(4));
    if (size <= threshold) {
      const pool = Array.from({ length: size }, (_, i) => i);
      return Array.from({ length: count }, (_, i) => {
        const at = this.below(size - i);
        const drawn = pool[at]!;
        pool[at] = pool[size - i - 1]!;
        return drawn;
      });
    }
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.below(size));
    return [...drawn];
  }
}
