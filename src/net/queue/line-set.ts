/** A set of line numbers that uses one bit per line. */

export class LineSet {
  #bits = new Uint8Array(1024);

  has(line: number): boolean {
    return ((this.#bits[line >> 3] ?? 0) & (1 << (line & 7))) !== 0;
  }

  /** `line`: up to 2^31. */
  add(line: number): void {
    const at = line >> 3;
    if (at >= this.#bits.length) {
      const bits = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    this.#bits[at]! |= 1 << (line & 7);
  }
}
