/** Makes random choices for mutations, repeatable by seed and number. */
import { createRandom } from "../../src/generation/sampling/random.js";

/** Numbers that often cause errors in readers. */
const EDGES = [0, 1, 2, 3, 7, 15, 16, 17, 127, 128, 255, 256, 257, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff];
const LARGE = [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64 - 1];

export class Dice {
  readonly #random: () => number;

  /** Makes the same choices for the same seed and number. */
  constructor(seed: number, number: number) {
    this.#random = createRandom(seed * 2 ** 24 + number);
  }

  /** From 0 to count - 1. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** A number that is likely to be invalid. */
  edge(): number {
    return this.chance(0.2) ? this.pick(LARGE) : this.pick(EDGES) + (this.chance(0.2) ? -1 : 0);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
