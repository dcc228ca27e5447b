/** How far distributions are from those of fp32: KL divergence, the most likely token, perplexity. Does not know models. */

/** Log softmax of one row, summed in double precision. */
export function logSoftmax(row) {
  let max = Number.NEGATIVE_INFINITY;
  for (const logit of row) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - max);
  const shift = max + Math.log(sum);
  return row.map((logit) => logit - shift);
}

/** Sums over the positions of a text. */
export class Divergence {
  #divergences = [];
  #same = 0;
  #loss = 0;

  /** @param {Float32Array[]} expected @param {Float32Array[]} found log probabilities of each position @param {number[]} next the token that follows */
  add(expected, found, next) {
    for (const [i, full] of expected.entries()) {
      const row = found[i];
      let divergence = 0;
      let [top, fullTop] = [0, 0];
      for (let id = 0; id < row.length; id++) {
        divergence += Math.exp(full[id]) * (full[id] - row[id]);
        if (row[id] > row[top]) top = id;
        if (full[id] > full[fullTop]) fullTop = id;
      }
      this.#divergences.push(Math.max(0, divergence));
      if (top === fullTop) this.#same++;
      this.#loss -= row[next[i]];
    }
  }

  get count() {
    return this.#divergences.length;
  }

  line() {
    const { count } = this;
    const mean = this.#divergences.reduce((a, b) => a + b, 0) / count;
    const high = this.#divergences.toSorted((a, b) => a - b)[Math.floor(count * 0.99)];
    const top = ((100 * this.#same) / count).toFixed(2).padStart(6);
    return `${mean.toExponential(2)}   ${high.toExponential(2)}   ${top} %   ${Math.exp(this.#loss / count)
      .toFixed(4)
      .padStart(9)}`;
  }
}
