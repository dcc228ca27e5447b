/** Numbers within bounds, as grammars of their digits. Does not know schemas. */

import { pointsOf } from "../grammar/code-points.js";
import { choice, type Expression, NOTHING, repeat, sequence, set } from "../grammar/grammar.js";

export interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

/** Digits of a number at most, so that its double is exact. */
const DIGITS = 15;
/** Digits after the point at most. */
const FRACTION = 6;

/** Whole numbers within bounds, each of at most 15 digits. */
export function integerRange(least: Bound | null, most: Bound | null): Expression {
  return decimals(least, most, 0);
}

/** Numbers within bounds with up to 6 digits after the point. */
export function numberRange(least: Bound | null, most: Bound | null): Expression {
  const size = Math.max(...[least, most].map((bound) => (bound === null ? 9 : digitsBefore(bound.value))));
  const places = Math.max(0, Math.min(FRACTION, DIGITS - size));
  return choice(...Array.from({ length: places + 1 }, (_, i) => decimals(least, most, i)));
}

function digitsBefore(value: number): number {
  return Math.max(1, Math.floor(Math.log10(Math.max(1, Math.abs(value)))) + 1);
}

/** Numbers with exactly `places` digits after the point. */
function decimals(least: Bound | null, most: Bound | null, places: number): Expression {
  const end = 10n ** BigInt(DIGITS) - 1n;
  const low = least === null ? -end : scaled(least, places, 1n);
  const high = most === null ? end : scaled(most, places, -1n);
  const from = low < -end ? -end : low;
  const to = high > end ? end : high;
  if (from > to) return NOTHING;
  const options: Expression[] = [];
  // -0 is left out.
  if (from < 0n) options.push(sequence("-", magnitudes(to < 0n ? -to : 1n, -from, places)));
  if (to >= 0n) options.push(magnitudes(from > 0n ? from : 0n, to, places));
  return choice(...options);
}

/** A bound times 10^places, rounded towards the numbers within; `inward` is 1 for the least one, -1 for the most. */
function scaled({ value, isExclusive }: Bound, places: number, inward: 1n | -1n): bigint {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  const shift = Number(exponent) - fraction.length + places;
  if (shift >= 0) {
    const exact = digits * 10n ** BigInt(Math.min(shift, 400));
    return isExclusive ? exact + inward : exact;
  }
  const unit = 10n ** BigInt(Math.min(-shift, 400));
  const floor = digits / unit - (digits % unit < 0n ? 1n : 0n);
  const isExact = floor * unit === digits;
  if (isExact) return isExclusive ? floor + inward : floor;
  return inward === 1n ? floor + 1n : floor;
}

/** Digit strings from `from` to `to` (both at least 0), with a point before the last `places` digits. */
function magnitudes(from: bigint, to: bigint, places: number): Expression {
  const options: Expression[] = [];
  for (let length = places + 1; length <= String(to).length || length === places + 1; length++) {
    const least = length === places + 1 ? 0n : 10n ** BigInt(length - 1);
    const most = 10n ** BigInt(length) - 1n;
    const [low, high] = [from > least ? from : least, to < most ? to : most];
    if (low > high) continue;
    const [first, last] = [String(low).padStart(length, "0"), String(high).padStart(length, "0")];
    options.push(between(first, last, length - places));
  }
  return options.length === 0 ? NOTHING : choice(...options);
}

/** Strings of digits of one length between two others; the point is before the digit `point`, if there is one. */
function between(first: string, last: string, point: number): Expression {
  if (first === "") return sequence();
  const dot = point === 0 ? ["."] : [];
  const rest = first.length - 1;
  if (/^0*$/.test(first) && /^9*$/.test(last)) {
    const [before, after] = [
      Math.max(0, Math.min(point, first.length)),
      first.length - Math.max(0, Math.min(point, first.length)),
    ];
    const some = (count: number) => (count === 0 ? sequence() : repeat(digit(0, 9), count, count));
    return sequence(some(before), ...(point >= 0 && after > 0 ? ["."] : []), some(after));
  }
  const [low, high] = [Number(first[0]), Number(last[0])];
  if (low === high) return sequence(...dot, first[0]!, between(first.slice(1), last.slice(1), point - 1));
  const options = [
    sequence(digit(low, low), between(first.slice(1), "9".repeat(rest), point - 1)),
    ...(high - low > 1
      ? [sequence(digit(low + 1, high - 1), between("0".repeat(rest), "9".repeat(rest), point - 1))]
      : []),
    sequence(digit(high, high), between("0".repeat(rest), last.slice(1), point - 1)),
  ];
  return sequence(...dot, choice(...options));
}

function digit(least: number, most: number): Expression {
  return set(pointsOf("0123456789".slice(least, most + 1)));
}
