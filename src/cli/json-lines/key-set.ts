/** A set of strings that uses 16 to 32 bytes per key, whatever its length, to remember millions of request ids. */
import { createHash } from "node:crypto";

/** Stores 64 bits of each key's hash, with linear probing, at most half full. Probability of a collision in 10 million keys: 3 in a million. */
export class KeySet {
  #slots = new Int32Array(2 * 1024);
  size = 0;

  has(key: string): boolean {
    const [low, high] = hash(key);
    return this.#slots[this.#find(low, high)] !== 0;
  }

  /** Adds a key; returns true if it was new. */
  add(key: string): boolean {
    const [low, high] = hash(key);
    const at = this.#find(low, high);
    if (this.#slots[at] !== 0) return false;
    this.#put(at, low, high);
    this.size++;
    if (4 * this.size > this.#slots.length) this.#grow();
    return true;
  }

  /** The index of the key's slot, or of the slot it would use. */
  #find(low: number, high: number): number {
    const slots = this.#slots;
    let at = (high & (slots.length / 2 - 1)) * 2;
    while (slots[at] !== 0 && (slots[at] !== low || slots[at + 1] !== high)) at = (at + 2) % slots.length;
    return at;
  }

  #put(at: number, low: number, high: number): void {
    this.#slots[at] = low;
    this.#slots[at + 1] = high;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0) this.#put(this.#find(old[i]!, old[i + 1]!), old[i]!, old[i + 1]!);
    }
  }
}

/** Two 32-bit numbers. The first is never 0, because 0 marks an empty slot. */
function hash(key: string): [number, number] {
  const bytes = createHash("sha1").update(key).digest();
  return [bytes.readInt32LE(0) || 1, bytes.readInt32LE(4)];
}
