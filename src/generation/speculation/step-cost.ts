/** Estimates how long a step of n tokens takes relative to one token: measured curves, corrected by the steps of this run. */
import type { ComputeType } from "../../model/architecture/compute-type.js";

/** Time of n rows relative to one row, interpolated linearly. Measured on two cores with AVX-512, with large matrices. */
type Curve = readonly (readonly [rows: number, cost: number])[];

/** fp32: `node bench/weights.js`, weights as graph inputs. int8 and int4: MatMulNBits with blocks of 128. */
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

/** A single step may be slow by chance, so it moves the estimate only partly, and fast steps count more. */
const SLOWER = 0.25;
const FASTER = 0.5;
/** With every step, the factors of other sizes move towards the new one by this share. */
const DRIFT = 1 / 256;

/** Expected time of a step by its number of tokens: in milliseconds once a step was observed, before that in steps of one token. */
export class StepCost {
  readonly #curve: Curve;
  /** Measured time / time on the curve, by group(tokens). */
  readonly #factors: (number | undefined)[] = [];

  constructor(dtype: ComputeType) {
    this.#curve = CURVES[dtype];
  }

  /** Expected time of a step of `tokens` tokens. */
  of(tokens: number): number {
    return onCurve(this.#curve, tokens) * this.#factor(group(tokens));
  }

  /** Corrects the estimates by a measured step. */
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

  /** The factor of the nearest measured group; of two at equal distance, the larger group's. */
  #factor(at: number): number {
    for (let distance = 0; distance < MAX_GROUPS; distance++) {
      const factor = this.#factors[at + distance] ?? this.#factors[at - distance];
      if (factor !== undefined) return factor;
    }
    return 1;
  }
}

const MAX_GROUPS = 32;

/** Groups 1, 2, 3 to 4, 5 to 8, 9 to 16 tokens and so on. */
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
