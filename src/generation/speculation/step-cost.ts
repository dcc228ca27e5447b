/** How long a step of n tokens takes next to one of a single token: measured curves, corrected by the steps of this very run. */
import type { ComputeType } from "../../model/architecture/compute-type.js";

/** Time of n rows relative to one row, at the rows given; a line between them. Two cores with AVX-512, large matrices. */
type Curve = readonly (readonly [rows: number, cost: number])[];

/** fp32: `node bench/weights.js`, weights as graph inputs. The others: MatMulNBits with blocks of 128. */
const CURVES: Readonly<Record<ComputeType, Curve>> = {
  fp32: [
    [1, 1],
    [2, 1.75],
    [8, 2.1],
    [128, 7.2],
  ],
  int8: [
    [1, 1],
    [2, 1.6],
    [4, 2.2],
    [8, 3],
    [16, 4.6],
    [128, 28],
  ],
  int4: [
    [1, 1],
    [2, 1.2],
    [4, 1.75],
    [8, 2.9],
    [16, 5],
    [128, 37],
  ],
};

/** A single step may be slow by chance, so it moves the estimate by a part, and fast ones count more. */
const SLOWER = 0.25;
const FASTER = 0.5;
/** What was not measured for long drifts back to the curve. */
const DRIFT = 1 / 256;

/** Expected time of steps by their number of tokens. In milliseconds once a step was observed, before that in steps of one token. */
export class StepCost {
  readonly #curve: Curve;
  /** Measured time over the curve's, by the power of two of the number of tokens. */
  readonly #factors: (number | undefined)[] = [];

  constructor(dtype: ComputeType) {
    this.#curve = CURVES[dtype];
  }

  of(tokens: number): number {
    return onCurve(this.#curve, tokens) * this.#factor(group(tokens));
  }

  observe(tokens: number, milliseconds: number): void {
    const at = group(tokens);
    const measured = milliseconds / onCurve(this.#curve, tokens);
    if (this.#factors.length === 0) {
      this.#factors[at] = measured;
      return;
    }
    const old = this.#factor(at);
    const change = Math.min(measured, 2 * old) - old;
    const factor = old + change * (change < 0 ? FASTER : SLOWER);
    for (const [i, other] of this.#factors.entries()) {
      if (other !== undefined) this.#factors[i] = other + (factor - other) * DRIFT;
    }
    this.#factors[at] = factor;
  }

  /** Of the nearest group that was measured; the larger one of two. */
  #factor(at: number): number {
    for (let distance = 0; distance < MAX_GROUPS; distance++) {
      const factor = this.#factors[at + distance] ?? this.#factors[at - distance];
      if (factor !== undefined) return factor;
    }
    return 1;
  }
}

const MAX_GROUPS = 32;

/** 1, 2, 3 to 4, 5 to 8, 9 to 16 tokens and so on. */
function group(tokens: number): number {
  return Math.ceil(Math.log2(tokens));
}

function onCurve(curve: Curve, rows: number): number {
  let [x0, y0] = curve[0]!;
  let slope = 0;
  for (const [x, y] of curve.slice(1)) {
    slope = (y - y0) / (x - x0);
    if (rows <= x) break;
    [x0, y0] = [x, y];
  }
  return y0 + (rows - x0) * slope;
}
